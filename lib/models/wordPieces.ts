/** Tokens by the longest piece that fits (WordPiece), without some of them. */
import { textFile } from '../io/atomic';
import type { TokenModel, TokenModelAt } from './tokenModel';

export function wordPieces({ model, vocab }: TokenModelAt): TokenModel {
  const prefix = String(model.continuing_subword_prefix ?? '##');
  const texts = new Map([...vocab].map(([text, id]) => [id, text]));
  const unknown = vocab.get(String(model.unk_token ?? '[UNK]'));
  return {
    needed: unknown === undefined ? [] : [unknown],
    // Any word of the same letters can then be told letter by letter.
    partsOf(id) {
      const text = texts.get(id) ?? '';
      const letters = Array.from(text.startsWith(prefix) ? text.slice(prefix.length) : text);
      return letters.flatMap(letter =>
        [vocab.get(letter), vocab.get(prefix + letter)].filter(part => part !== undefined),
      );
    },
    keep(left) {
      // The number of a line is that of its token.
      const isDense = [...left.values()].every((id, line) => id === line);
      return { changes: {}, files: isDense ? [textFile('vocab.txt', `${[...left.keys()].join('\n')}\n`)] : [] };
    },
  };
}
