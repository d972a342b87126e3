/** The commands, in the order of the help: adding one is one file and one line here. */
import { benchCommand } from './bench';
import type { Command } from './command';
import { completionFor } from './completion';
import { distillCommand } from './distill';
import { exportCommand } from './export';
import { finetuneCommand } from './finetune';
import { inspectCommand } from './inspect';
import { llmCommand } from './llm';
import { planCommand } from './plan';
import { pruneCommand } from './prune';
import { reportCommand } from './report';
import { setupNativeCommand } from './setupNative';
import { slimCommand } from './slim';
import { verifyCommand } from './verify';

export const COMMANDS: readonly Command[] = [
  inspectCommand,
  planCommand,
  pruneCommand,
  slimCommand,
  finetuneCommand,
  distillCommand,
  verifyCommand,
  reportCommand,
  benchCommand,
  exportCommand,
  llmCommand,
  setupNativeCommand,
  completionFor(() => COMMANDS),
];
