import { PruneError } from '../../lib/core/errors';
import { compareVersions, platformOf, type Platform } from '../../lib/native/platform';
import {
  checkTensorFlowWheel,
  cudaRequirements,
  distributionFor,
  glibcOfTag,
  isWanted,
  parseWheelName,
  pipTarget,
} from '../../lib/native/wheel';
import { placeOf } from '../../lib/native/unpack';

const HERE: Platform = { architecture: 'x86_64', glibc: '2.36' };
const ARM: Platform = { architecture: 'aarch64', glibc: '2.36' };
const CPU = 'tensorflow_cpu-2.21.0-cp311-cp311-manylinux_2_27_x86_64.whl';

function messageOf(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    expect(error).toBeInstanceOf(PruneError);
    return (error as PruneError).message;
  }
  return 'no refusal';
}

test.each([
  [CPU, 'tensorflow_cpu', '2.21.0', ['manylinux_2_27_x86_64']],
  [
    'nvidia_cudnn_cu12-9.3.0.75-py3-none-manylinux2014_x86_64.whl',
    'nvidia_cudnn_cu12',
    '9.3.0.75',
    ['manylinux2014_x86_64'],
  ],
  [
    'a-1-2-py3-none-manylinux_2_17_x86_64.manylinux2014_x86_64.whl',
    'a',
    '1',
    ['manylinux_2_17_x86_64', 'manylinux2014_x86_64'],
  ],
  ['Some.Name-1.0+cu12-py3-none-any.whl', 'some_name', '1.0+cu12', ['any']],
])('%s is read', (file, distribution, version, platforms) => {
  expect(parseWheelName(`some/folder/${file}`)).toEqual({ file, distribution, version, platforms });
});

test.each(['tensorflow.whl', 'tensorflow-2.21.0.tar.gz', 'a-b-c.whl', ''])('"%s" is no wheel', file => {
  expect(parseWheelName(file)).toBeUndefined();
});

test('versions are compared by number, whatever their length', () => {
  const sorted = ['2.9', '2.10', '2.36', '2.4', '2.4.1', '10'].sort(compareVersions);
  expect(sorted).toEqual(['2.4', '2.4.1', '2.9', '2.10', '2.36', '10']);
  expect(compareVersions('2.27', '2.27.0')).toBe(0);
});

test.each([
  ['manylinux_2_27_x86_64', '2.27'],
  ['manylinux2014_x86_64', '2.17'],
  ['manylinux1_x86_64', '2.5'],
  ['manylinux_2_27_aarch64', undefined],
  ['musllinux_1_2_x86_64', undefined],
  ['win_amd64', undefined],
  ['macosx_12_0_x86_64', undefined],
])('%s asks for glibc %s', (tag, glibc) => expect(glibcOfTag(tag, 'x86_64')).toBe(glibc));

describe('a wheel is taken or refused by its name:', () => {
  test('one that fits', () => {
    expect(checkTensorFlowWheel(`x/${CPU}`, HERE).version).toBe('2.21.0');
    expect(checkTensorFlowWheel(CPU, { ...HERE, glibc: '2.27' }).version).toBe('2.21.0');
    const either = 'tensorflow-2.21.0-cp312-cp312-manylinux_2_40_x86_64.manylinux2014_x86_64.whl';
    expect(checkTensorFlowWheel(either, { ...HERE, glibc: '2.17' }).distribution).toBe('tensorflow');
  });

  test.each([
    [
      CPU,
      { ...HERE, glibc: '2.26' },
      `${CPU}: expected glibc 2.27 or newer, got 2.26. Use a newer Linux, or useBackend("wasm").`,
    ],
    [CPU, ARM, /expected a wheel for Linux on aarch64, got manylinux_2_27_x86_64\. Give the wheel for this machine/],
    ['tensorflow-2.21.0-cp311-cp311-win_amd64.whl', HERE, /expected a wheel for Linux on x86_64, got win_amd64/],
    [
      'numpy-2.0.0-cp311-cp311-manylinux_2_27_x86_64.whl',
      HERE,
      /under its own name, got one of numpy\. Get it with pip download/,
    ],
    ['renamed.whl', HERE, /^renamed\.whl: expected a wheel of tensorflow_cpu or tensorflow .*, got another name/],
  ])('%s', (file, platform, message) => {
    const said = messageOf(() => checkTensorFlowWheel(file, platform));
    if (typeof message === 'string') expect(said).toBe(message);
    else expect(said).toMatch(message);
  });

  test('and counts as what setup-native downloads only with the right version, distribution and architecture', () => {
    const wanted = (file: string, platform = HERE, gpu = false): boolean =>
      isWanted(parseWheelName(file)!, platform, gpu);
    const cuda = 'tensorflow-2.21.1-cp311-cp311-manylinux_2_27_x86_64.whl';
    expect([wanted(CPU), wanted(cuda, HERE, true)]).toEqual([true, true]);
    expect([wanted(CPU, HERE, true), wanted(cuda), wanted(CPU, ARM)]).toEqual([false, false, false]);
    for (const version of ['2.20.0', '2.210.0', '2.2.1']) expect(wanted(CPU.replace('2.21.0', version))).toBe(false);
  });
});

test('arm64 has one wheel for everything', () => {
  expect([distributionFor(HERE, false), distributionFor(HERE, true)]).toEqual(['tensorflow_cpu', 'tensorflow']);
  expect(distributionFor(ARM, false)).toBe('tensorflow');
});

test('pip is asked for any glibc of the architecture, and for wheels of one Python', () => {
  const args = pipTarget('aarch64');
  const platforms = args.filter((_, i) => args[i - 1] === '--platform');
  expect(platforms).toEqual(expect.arrayContaining(['manylinux_2_27_aarch64', 'manylinux2014_aarch64']));
  expect(platforms.filter(tag => !tag.endsWith('_aarch64'))).toEqual([]);
  expect(args).toEqual(expect.arrayContaining(['--no-deps', '--only-binary=:all:', '--python-version', '3.11']));
});

test('what TensorFlow wants of CUDA is read from its metadata', () => {
  const metadata = [
    'Requires-Dist: numpy>=1.26.0',
    'Requires-Dist: nvidia-cublas-cu12<13.0,>=12.5.3.2; extra == "and-cuda"',
    "Requires-Dist: nvidia-nccl-cu12 (<3.0,>=2.27.7) ; extra == 'and-cuda'",
    'Requires-Dist: nvidia-other; extra == "other"',
  ];
  const wanted = ['nvidia-cublas-cu12<13.0,>=12.5.3.2', 'nvidia-nccl-cu12<3.0,>=2.27.7'];
  expect(cudaRequirements(metadata.join('\n'))).toEqual(wanted);
  expect(cudaRequirements(metadata.join('\r\n'))).toEqual(wanted);
  expect(cudaRequirements(metadata[0])).toEqual([]);
});

test.each([
  ['tensorflow/libtensorflow_cc.so.2', 'lib/libtensorflow_cc.so.2'],
  ['tensorflow/include/tensorflow/c/eager/c_api.h', 'include/tensorflow/c/eager/c_api.h'],
  ['tensorflow/include/xla/tsl/c/tsl_status.h', 'include/xla/tsl/c/tsl_status.h'],
  ['nvidia/cudnn/lib/libcudnn.so.9', 'nvidia/cudnn/lib/libcudnn.so.9'],
  ['nvidia/cuda_nvcc/bin/ptxas', 'nvidia/cuda_nvcc/bin/ptxas'],
  ['nvidia/cuda_nvcc/nvvm/libdevice/libdevice.10.bc', 'nvidia/cuda_nvcc/nvvm/libdevice/libdevice.10.bc'],
  ['nvidia/cuda_nvcc/bin/', undefined],
  ['nvidia/cudnn/include/cudnn.h', undefined],
  ['tensorflow/include/absl/strings.h', undefined],
  ['tensorflow/python/_pywrap_tfe.so', undefined],
  ['nvidia/cuda_nvcc/bin/../../../../evil', undefined],
])('%s goes to %s', (name, place) => expect(placeOf(name)).toBe(place));

describe('the platform', () => {
  const linux = { platform: 'linux', arch: 'x64', glibc: '2.31' };

  test('is named as wheels do', () => {
    expect(platformOf(linux, true)).toEqual({ architecture: 'x86_64', glibc: '2.31' });
    expect(platformOf({ ...linux, arch: 'arm64' }, false).architecture).toBe('aarch64');
  });

  test.each([
    [
      { ...linux, glibc: undefined },
      false,
      'setup-native: expected a Linux with glibc, got one without, such as Alpine. Use an image based on Debian, Ubuntu or Fedora, or useBackend("wasm").',
    ],
    [
      { ...linux, platform: 'win32' },
      true,
      'setup-native --gpu: expected Linux on x64, got win32 on x64. Use Node.js inside WSL 2, or useBackend("wasm").',
    ],
    [
      { ...linux, platform: 'darwin', arch: 'arm64' },
      false,
      'setup-native: expected Linux on x64 or arm64, got darwin on arm64. Use a Linux container, or useBackend("wasm").',
    ],
    [
      { ...linux, arch: 'arm64' },
      true,
      'setup-native --gpu: expected Linux on x64, got linux on arm64. Leave out --gpu.',
    ],
    [
      { ...linux, arch: 'constructor' },
      false,
      'setup-native: expected Linux on x64 or arm64, got linux on constructor. Use useBackend("wasm").',
    ],
  ])('%j, gpu %p, is refused', (machine, gpu, message) => {
    expect(messageOf(() => platformOf(machine, gpu))).toBe(message);
  });
});
