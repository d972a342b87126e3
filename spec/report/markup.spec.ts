import fc from 'fast-check';
import { markup } from '../../lib/report/markup';

test('words are escaped, what a template made is not, lists are joined, nothing leaves nothing', () => {
  const inner = markup`<b>${'<i>'}</b>`;
  expect(inner.markup).toBe('<b>&lt;i&gt;</b>');
  expect(markup`<p title="${`a"b'c&`}">${inner}${[1, ' ', ['x', inner]]}${undefined}${false}</p>`.markup).toBe(
    '<p title="a&quot;b&#39;c&amp;"><b>&lt;i&gt;</b>1 x<b>&lt;i&gt;</b></p>',
  );
});

test('no word breaks out of the place it stands in', () => {
  const signs = fc.string({
    unit: fc.constantFrom('<', '>', '"', "'", '&', '/', '!', '-', 'a', '\u0000', '\u001b', '\n'),
  });
  fc.assert(
    fc.property(signs, word => {
      const { markup: text } = markup`<a b="${word}">${word}</a>`;
      expect(text).toMatch(/^<a b="[^<>"'\u0000-\u0008\u000b\u000c\u000e-\u001f]*">[^<>"'\u0000-\u0008\u001b]*<\/a>$/);
      expect(text.replace(/&(amp|lt|gt|quot|#39);/g, '')).not.toContain('&');
    }),
  );
});
