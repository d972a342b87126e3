/** The tokenizer.bin of llama2.c without some of its tokens. */
import type { WholeFile } from '../io/atomic';
import { decodeText } from '../io/bytes';
import {
  FIXED_TOKENS,
  fromText,
  mergeScores,
  readScoreVocabulary,
  toText,
  type Bytes,
  type ScoreVocabulary,
} from './scoreTokenizer';
import type { TokenizerFiles } from './tokens';

const NAME = 'tokenizer.bin';

/** @throws PruneError `bad-file` when the file is damaged. */
export function openScoreFiles(bytes: Uint8Array, name: string): TokenizerFiles {
  const vocabulary = readScoreVocabulary(bytes, name);
  return {
    size: vocabulary.pieces.length,
    needed: new Set(Array.from({ length: FIXED_TOKENS }, (_, id) => id)),
    partsOf: id => partsOf(vocabulary, id),
    keep: kept => [fileOf(vocabulary, kept)],
  };
}

/** What `id` is merged from, where its characters become it. */
function partsOf(vocabulary: ScoreVocabulary, id: number): readonly number[] {
  const text = decodeText(fromText(vocabulary.pieces[id]));
  if (id < FIXED_TOKENS || text === undefined) return [];
  const parts: number[] = [];
  const characters = Array.from(text, character => toText(new TextEncoder().encode(character)));
  const [made, ...more] = mergeScores(characters, vocabulary, part => parts.push(part));
  return made === id && more.length === 0 ? parts : [];
}

/** `[longest piece]`, then for each token its score, the length of its piece, and the piece. */
function fileOf({ pieces, scores }: ScoreVocabulary, kept: Int32Array): WholeFile {
  const longest = kept.reduce((most, id) => Math.max(most, pieces[id].length), 0);
  const parts: Uint8Array[] = [numbers(view => view.setInt32(0, longest, true), 4)];
  for (const id of kept) {
    const piece: Bytes = pieces[id];
    const head = (view: DataView): void => {
      view.setFloat32(0, scores[id], true);
      view.setInt32(4, piece.length, true);
    };
    parts.push(numbers(head, 8), fromText(piece));
  }
  return { name: NAME, parts };
}

function numbers(write: (view: DataView) => void, size: number): Uint8Array {
  const bytes = new Uint8Array(size);
  write(new DataView(bytes.buffer));
  return bytes;
}
