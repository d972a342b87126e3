/** Where a run keeps what it has finished: an interface, so that browsers and tests can bring their own. */
export interface RunStore {
  /** For people, in messages. */
  readonly name: string;
  /** The bytes last written under `name`; undefined when there are none. */
  read(name: string): Promise<Uint8Array | undefined>;
  /** Keeps `bytes` whole or not at all, whenever the program ends. */
  write(name: string, bytes: Uint8Array): Promise<void>;
}
