/** A run that is killed, again and again, wherever it is, ends as if nothing had happened. TFJS_PRUNE_KILLS says how often. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { random } from '../../lib/core/random';
import { newFolder, removeFolders } from '../io/folder';

const KILLS = Number(process.env.TFJS_PRUNE_KILLS ?? 5);
afterAll(removeFolders);

/** The last line of the program, and how long it computed; killed so many milliseconds after it was ready it has none. */
async function run(folder: string, killAfter?: number): Promise<{ outcome?: string; duration: number }> {
  const child = spawn(process.execPath, ['--import', 'tsx', join(__dirname, 'run.ts'), folder], { stdio: 'pipe' });
  let [text, complaint, ready] = ['', '', 0];
  child.stderr.on('data', (part: Buffer) => (complaint += String(part)));
  child.stdout.on('data', (part: Buffer) => {
    text += String(part);
    if (ready > 0 || !text.includes('\n')) return;
    ready = performance.now();
    if (killAfter !== undefined) setTimeout(() => child.kill('SIGKILL'), killAfter);
  });
  const [code, signal] = await new Promise<[number | null, string | null]>(resolve =>
    child.on('close', (...how) => resolve(how)),
  );
  const duration = performance.now() - ready;
  if (signal === 'SIGKILL') return { duration };
  if (code !== 0) throw new Error(complaint);
  return { outcome: text.trim().split('\n').at(-1), duration };
}

test(
  `killed ${KILLS} times, a run ends with the bytes of one that was left alone`,
  async () => {
    const { outcome, duration } = await run(newFolder());
    expect(JSON.parse(outcome!).report.stages.length).toBeGreaterThan(8);
    const { uniform } = random(1, 'kills');
    let [kills, folder] = [0, newFolder()];
    const finished: (string | undefined)[] = [];
    while (kills < KILLS) {
      const end = await run(folder, uniform() * 0.5 * duration);
      if (end.outcome === undefined) kills++;
      else {
        finished.push(end.outcome);
        folder = newFolder();
      }
    }
    finished.push((await run(folder)).outcome);
    expect(new Set(finished)).toEqual(new Set([outcome]));
  },
  60000 + 10000 * KILLS,
);
