import { describeAdapter, isSoftware, type Adapter } from '../../lib/runtime/adapter';

const swiftShader = {
  vendor: 'google',
  architecture: 'swiftshader',
  device: 'swiftshader-device-subzero-',
  description: 'SwiftShader driver 5.0.0',
};
const h100 = { vendor: 'nvidia', architecture: 'hopper', device: 'nvidia-h100-80gb-hbm3', description: 'NVIDIA: 550' };

test.each<[string, Adapter, boolean]>([
  ['says so itself', { info: { ...h100, isFallbackAdapter: true } }, true],
  ['says so as older browsers do', { isFallbackAdapter: true }, true],
  ['is SwiftShader that does not say', { info: { ...swiftShader, isFallbackAdapter: undefined } }, true],
  ['is SwiftShader of which a page sees two words', { info: { vendor: 'google', architecture: 'swiftshader' } }, true],
  ['is llvmpipe', { info: { vendor: 'mesa', device: 'llvmpipe (LLVM 15.0.6, 256 bits)' } }, true],
  ['is lavapipe', { info: { description: 'lavapipe' } }, true],
  ['is of Windows', { info: { vendor: 'microsoft', description: 'Microsoft Basic Render Driver' } }, true],
  ['computes nothing', { info: { description: 'Null backend' } }, true],
  ['is a GPU', { info: { ...h100, isFallbackAdapter: false } }, false],
  ['is a GPU by Google', { info: { vendor: 'google', architecture: 'tensor' } }, false],
  ['has a name that only contains a word', { info: { device: 'warpdrive 9000' } }, false],
  ['says nothing', {}, false],
])('an adapter that %s: software %#', (_, adapter, software) => {
  expect(isSoftware(adapter)).toBe(software);
});

test.each<[Adapter, string]>([
  [{ info: h100 }, 'WebGPU (nvidia-h100-80gb-hbm3, NVIDIA: 550)'],
  [{ info: swiftShader }, 'WebGPU (swiftshader-device-subzero, SwiftShader driver 5.0.0, software)'],
  [{ info: { vendor: 'apple', architecture: 'metal-3', device: '', description: '' } }, 'WebGPU (apple metal-3)'],
  [{ info: { vendor: 'intel', architecture: 'xe', device: '0x9a49' } }, 'WebGPU (intel xe 0x9a49)'],
  [{ info: { vendor: '', architecture: '', device: '', description: '' } }, 'WebGPU'],
  [{}, 'WebGPU'],
])('%j is called %s', (adapter, name) => {
  expect(describeAdapter(adapter)).toBe(name);
});
