/** Files that a user chose or dropped, with where they lay in a folder. */
import type { Chosen } from './messages';

/** Of an input of files; what was chosen can be chosen again. */
export function filesFrom(event: Event): readonly Chosen[] {
  const input = event.target as HTMLInputElement;
  const files = [...(input.files ?? [])].map(file => ({ path: file.webkitRelativePath || file.name, file }));
  input.value = '';
  return files;
}

/** Calls `use` with what is dropped on `place`: files, and those in folders. */
export function dropped(place: HTMLElement, use: (files: readonly Chosen[]) => unknown): void {
  const mark = (over: boolean) => (event: DragEvent) => {
    event.preventDefault();
    place.classList.toggle('over', over);
  };
  place.addEventListener('dragover', mark(true));
  place.addEventListener('dragleave', mark(false));
  place.addEventListener('drop', event => {
    mark(false)(event);
    // The items are gone once this call ends; their entries stay.
    const entries = [...(event.dataTransfer?.items ?? [])].map(item => item.webkitGetAsEntry());
    void Promise.all(entries.map(async entry => (entry ? filesIn(entry) : []))).then(found => use(found.flat()));
  });
}

async function filesIn(entry: FileSystemEntry): Promise<readonly Chosen[]> {
  if (entry.isFile) {
    const file = await new Promise<File>((settle, fail) => (entry as FileSystemFileEntry).file(settle, fail));
    return [{ path: entry.fullPath.replace(/^\//, ''), file }];
  }
  const reader = (entry as FileSystemDirectoryEntry).createReader();
  const found: Chosen[] = [];
  // A reader gives a hundred at a time.
  for (;;) {
    const some = await new Promise<FileSystemEntry[]>((settle, fail) => reader.readEntries(settle, fail));
    if (some.length === 0) return found;
    for (const inner of some) found.push(...(await filesIn(inner)));
  }
}
