/** `tfjs-prune setup-native`: TensorFlow's own kernels for this project, where their installer finds no download. */
import { thisMachine } from '../native/machine';
import { setUpNative, type SetUp } from '../native/setUp';
import { refusal } from './arguments';
import type { Command, Given } from './command';

export const setupNativeCommand: Command = {
  name: 'setup-native',
  summary: 'the native backend for this project, on its CPU or an NVIDIA GPU',
  operands: [],
  options: {
    gpu: { help: 'for an NVIDIA GPU, with the CUDA libraries; where none is seen it runs on the CPU' },
    wheel: { value: 'FILE', help: "a wheel of tensorflow_cpu or tensorflow 2.21 instead of pip's download" },
    libtensorflow: {
      value: 'DIR',
      help: "a folder with TensorFlow's C library (include/ and lib/) instead of a wheel",
    },
  },
  help: {
    about:
      'Installs @tensorflow/tfjs-node (with --gpu tfjs-node-gpu) in the project of the current folder and compiles it\n' +
      'against the library in a TensorFlow wheel. Needs Linux, a C++ compiler, and pip or --wheel. A second run only\nchecks that all is there.',
    example: 'tfjs-prune setup-native --wheel downloads/tensorflow_cpu-2.21.0-cp311-cp311-manylinux_2_27_x86_64.whl',
  },
  async run(given, streams) {
    const [wheel, libtensorflow] = [given.word('wheel'), given.word('libtensorflow')];
    if (wheel !== undefined && libtensorflow !== undefined) {
      throw refusal('one of --wheel and --libtensorflow', 'both', 'setup-native');
    }
    const gpu = given.has('gpu');
    const machine = thisMachine({ signal: streams.signal, say: line => streams.error(line) });
    const done = await setUpNative(machine, { project: process.cwd(), gpu, wheel, libtensorflow });
    return answer(given, done, gpu);
  },
};

function answer(given: Given, done: SetUp, gpu: boolean): string {
  if (given.has('json')) return JSON.stringify(done, null, 2);
  const { package: name, version, source, tensorflow, device, noGpu, built } = done;
  const backend = gpu && device === 'gpu' ? 'node-gpu' : 'node';
  const lines = [
    `${built ? 'Built' : 'Nothing to do:'} ${name} ${version} with TensorFlow ${tensorflow} on the ${device.toUpperCase()} (${source}).`,
  ];
  if (gpu && device === 'cpu') {
    lines.push(
      `TensorFlow sees no GPU${noGpu === undefined ? '' : `: ${noGpu}`}. It works on the CPU; nvidia-smi shows what the driver sees.`,
    );
  }
  lines.push(
    `useBackend('${backend}') uses it. package.json is unchanged, so the next npm install removes it: run this again then.`,
  );
  return lines.join('\n');
}
