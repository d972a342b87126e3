/** What a graphics adapter says of itself. */

export interface AdapterInfo {
  readonly vendor?: string;
  readonly architecture?: string;
  readonly device?: string;
  readonly description?: string;
  readonly isFallbackAdapter?: boolean;
}

export interface Adapter {
  readonly info?: AdapterInfo;
  /** Where older browsers say it. */
  readonly isFallbackAdapter?: boolean;
}

/** Programs that pretend to be a GPU: SwiftShader, Mesa's and Microsoft's, and the one of Dawn that computes nothing. */
const PRETENDERS = /swiftshader|llvmpipe|lavapipe|softpipe|basic render|\bwarp\b|null backend/i;

/** Whether it computes on the CPU. By its own word, or by name where it does not say. */
export function isSoftware({ info, isFallbackAdapter }: Adapter): boolean {
  if (isFallbackAdapter === true || info?.isFallbackAdapter === true) return true;
  return [info?.vendor, info?.architecture, info?.device, info?.description].some(text => PRETENDERS.test(text ?? ''));
}

/** For people, such as "WebGPU (nvidia-h100-80gb-hbm3, NVIDIA: 550.54.15)"; browsers tell no more than "nvidia hopper". */
export function describeAdapter(adapter: Adapter): string {
  const { vendor = '', architecture = '', device = '', description = '' } = adapter.info ?? {};
  const maker = [vendor, architecture].filter(Boolean).join(' ');
  const chip = device.replace(/\W+$/, '');
  const named = chip === '' || /^0x/.test(chip) ? [maker, chip].filter(Boolean).join(' ') : chip;
  const parts = [named, description, isSoftware(adapter) ? 'software' : ''].filter(Boolean);
  return parts.length === 0 ? 'WebGPU' : `WebGPU (${parts.join(', ')})`;
}
