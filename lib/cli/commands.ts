/** The commands, in the order of the help: adding one is one file and one line here. */
import type { Command } from './command';
import { inspectCommand } from './inspect';
import { pruneCommand } from './prune';
import { setupNativeCommand } from './setupNative';
import { verifyCommand } from './verify';

export const COMMANDS: readonly Command[] = [inspectCommand, pruneCommand, verifyCommand, setupNativeCommand];
