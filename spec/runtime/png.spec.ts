import { plotReport, toPng } from 'tfjs-prune';
import { tryImport } from '../../lib/runtime/optional';
import { ACCOUNT } from '../report/sample';
import { rejection } from '../zoo/refusal';

const PACKAGE = '@resvg/resvg-js';

test('where the package is not there, one line says so; where it is, it draws', async () => {
  const [{ svg }] = plotReport(ACCOUNT);
  const problem = await tryImport(PACKAGE);
  if (problem) {
    const error = await rejection(toPng(svg));
    expect([error.code, error.message]).toEqual(['bad-file', expect.stringContaining(`Run "npm install ${PACKAGE}".`)]);
    return console.log(`Not drawn: no ${PACKAGE}.`);
  }
  const [, width, height] = /width="(\d+)" height="([\d.]+)"/.exec(svg)!.map(Number);
  for (const scale of [1, 3]) {
    const png = Buffer.from(await toPng(svg, { scale }));
    expect(png.subarray(1, 4).toString()).toBe('PNG');
    expect(png.readUInt32BE(16)).toBe(scale * width);
    expect(Math.abs(png.readUInt32BE(20) - scale * height)).toBeLessThanOrEqual(1);
  }
  expect(await toPng(svg)).toEqual(await toPng(svg));
  const error = await rejection(toPng('no drawing'));
  expect([error.code, error.message]).toEqual(['bad-option', expect.stringMatching(/^toPng: expected a drawing, got ".+"\. Pass/)]); // prettier-ignore
});

test.each([0, -1, NaN, 21])('a scale of %p is refused', async scale => {
  expect((await rejection(toPng('', { scale }))).code).toBe('bad-option');
});
