import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { withZip } from '../../lib/native/zip';
import { newFolder, removeFolders } from '../io/folder';
import { rejection } from '../zoo/refusal';
import { writeZip, type Packed } from './wheels';

afterEach(removeFolders);

const LONG = 'All work and no play. '.repeat(200_000);
const FILES: readonly Packed[] = [
  { name: 'long.txt', content: LONG },
  { name: 'a/stored', content: 'as it is', stored: true },
  { name: 'a/bin/tool', content: '#!', executable: true },
  { name: 'empty', content: '', stored: true },
];

test('everything comes out as it went in', async () => {
  const folder = newFolder();
  const path = writeZip(join(folder, 'a.whl'), FILES);
  await withZip(path, async zip => {
    expect(zip.entries.map(({ name, size }) => [name, size])).toEqual(
      FILES.map(({ name, content }) => [name, content.length]),
    );
    for (const [i, entry] of zip.entries.entries()) {
      const target = join(folder, 'out', entry.name);
      await zip.extract(entry, target);
      expect(readFileSync(target, 'utf8') === FILES[i].content).toBe(true);
      expect((statSync(target).mode & 0o100) !== 0).toBe(FILES[i].executable === true);
      expect((await zip.text(entry)) === FILES[i].content).toBe(true);
    }
  });
});

test.each([
  [
    'cut short',
    (bytes: Buffer) => bytes.subarray(0, bytes.length - 30),
    /expected a whole wheel, got no directory at its end/,
  ],
  [
    'empty',
    () => Buffer.alloc(0),
    /a\.whl: expected a whole wheel, got no directory at its end\. It may be cut short: get it again\.$/,
  ],
  [
    'without its middle',
    (bytes: Buffer) => Buffer.concat([bytes.subarray(0, 50), bytes.subarray(150)]),
    /expected a whole wheel, got/,
  ],
  [
    'with a changed byte',
    (bytes: Buffer) => change(bytes, bytes.indexOf('as it is')),
    /got other bytes in a\/stored than it promises/,
  ],
  ['with a torn stream', (bytes: Buffer) => change(bytes, 38), /got (a torn|other bytes in) long\.txt/],
])('an archive %s is refused', async (_, damage, message) => {
  const path = writeZip(join(newFolder(), 'a.whl'), FILES);
  writeFileSync(path, damage(readFileSync(path)));
  const error = await rejection(
    withZip(path, async zip => {
      for (const entry of zip.entries) await zip.text(entry);
    }),
  );
  expect([error.code, error.message]).toEqual(['bad-file', expect.stringMatching(message)]);
});

test('unpacking stops when it is told to', async () => {
  const folder = newFolder();
  const path = writeZip(join(folder, 'a.whl'), FILES);
  const stopped = withZip(path, zip => zip.extract(zip.entries[0], join(folder, 'out'), AbortSignal.abort()));
  await expect(stopped).rejects.toThrow(/abort/);
});

function change(bytes: Buffer, at: number): Buffer {
  const copy = Buffer.from(bytes);
  copy[at] ^= 0xff;
  return copy;
}
