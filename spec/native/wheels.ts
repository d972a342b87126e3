/** Wheels for the specs: zip archives as small as they can be. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { deflateRawSync } from 'node:zlib';

export interface Packed {
  readonly name: string;
  readonly content: string;
  readonly stored?: boolean;
  readonly executable?: boolean;
}

/** Writes the archive to `path` and gives `path`. */
export function writeZip(path: string, files: readonly Packed[]): string {
  const [bodies, directory]: Buffer[][] = [[], []];
  let offset = 0;
  for (const { name, content, stored = false, executable = false } of files) {
    const [data, title] = [Buffer.from(content), Buffer.from(name)];
    const packed = stored ? data : deflateRawSync(data);
    const fields = Buffer.alloc(26); // from "version needed" to "extra length", the same in both headers
    fields.writeUInt16LE(20, 0);
    fields.writeUInt16LE(stored ? 0 : 8, 4);
    fields.writeUInt32LE(crc32(data), 10);
    fields.writeUInt32LE(packed.length, 14);
    fields.writeUInt32LE(data.length, 18);
    fields.writeUInt16LE(title.length, 22);
    const rest = Buffer.alloc(14);
    rest.writeUInt32LE(((executable ? 0o100755 : 0o100644) << 16) >>> 0, 6);
    rest.writeUInt32LE(offset, 10);
    bodies.push(Buffer.from('PK\x03\x04'), fields, title, packed);
    directory.push(Buffer.from('PK\x01\x02\x14\x03'), fields, rest, title);
    offset += 30 + title.length + packed.length;
  }
  const end = Buffer.alloc(22);
  end.write('PK\x05\x06');
  end.writeUInt16LE(files.length, 8);
  end.writeUInt16LE(files.length, 10);
  end.writeUInt32LE(Buffer.concat(directory).length, 12);
  end.writeUInt32LE(offset, 16);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, Buffer.concat([...bodies, ...directory, end]));
  return path;
}

/** The parts of TensorFlow's wheel that matter, and one that does not; `library` stands for the bytes of the library. */
export function writeTensorFlow(path: string, { library = 'cc', cuda = false } = {}): string {
  const requirement = 'Requires-Dist: nvidia-cudnn-cu12<10.0,>=9.3; extra == "and-cuda"\n';
  return writeZip(path, [
    { name: 'tensorflow/libtensorflow_cc.so.2', content: library },
    { name: 'tensorflow/libtensorflow_framework.so.2', content: 'framework', stored: true },
    { name: 'tensorflow/include/tensorflow/c/c_api.h', content: '// c_api' },
    { name: 'tensorflow/include/absl/strings.h', content: '// not needed' },
    { name: 'tensorflow-2.21.0.dist-info/METADATA', content: `Name: tensorflow\n${cuda ? requirement : ''}` },
  ]);
}

function crc32(data: Buffer): number {
  let crc = ~0;
  for (const byte of data) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return ~crc >>> 0;
}
