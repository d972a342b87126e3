/** How a page looks: by what the reader prefers, from a phone's width on, and on paper. */
import { DARK, drawingStyle, LIGHT, type Theme } from '../drawing/theme';

const LAYOUT = `
*{box-sizing:border-box}
html{color-scheme:light dark;-webkit-text-size-adjust:100%}
body{margin:0 auto;padding:1rem;max-width:62rem;background:var(--paper);color:var(--ink);font:1rem/1.5 system-ui,sans-serif;overflow-wrap:anywhere}
h1{font-size:1.6rem;line-height:1.25;margin:.5rem 0}
h2{font-size:1.25rem;margin:2.25rem 0 .75rem;padding-top:.75rem;border-top:1px solid var(--rule)}
p{margin:.5rem 0;max-width:44rem}
header p,footer,.quiet{color:var(--quiet)}
footer{margin-top:2.5rem;padding-top:.75rem;border-top:1px solid var(--rule);font-size:.875rem}
a{color:var(--accent)}
nav ul{list-style:none;display:flex;flex-wrap:wrap;gap:.25rem 1rem;margin:.75rem 0;padding:0}
nav a{display:inline-block;padding:.25rem 0}
:focus-visible{outline:3px solid var(--accent);outline-offset:2px;border-radius:2px}
.scroll{overflow-x:auto;margin:.5rem 0 1rem}
.scroll>table{min-width:min(100%,22rem)}
table{border-collapse:collapse;font-size:.9375rem}
caption{text-align:left;color:var(--quiet);padding-bottom:.25rem;max-width:min(44rem,calc(100vw - 2rem))}
th,td{padding:.3rem 1.25rem .3rem 0;text-align:left;vertical-align:top;overflow-wrap:normal}
th{font-weight:600}
thead th,thead td{border-bottom:1px solid var(--rule)}
tbody th{font-weight:400;min-width:7rem;overflow-wrap:break-word}
.number{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
.plots{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,22rem),1fr));gap:1rem 2rem;align-items:start}
figure{margin:.5rem 0;max-width:27rem}
figcaption{font-weight:600;margin-bottom:.25rem}
svg{display:block;width:100%;height:auto}
details{margin:.5rem 0}
summary{cursor:pointer;padding:.4rem 0}
.groups>details{border:1px solid var(--rule);border-radius:.4rem;background:var(--panel);padding:0 .75rem}
.groups>details>.plots{padding-bottom:.75rem}
dt{font-weight:600;margin-top:.5rem}
dd{margin:0 0 .25rem}
dd ul{margin:0;padding-left:1.1rem}
.proof{border-left:4px solid var(--accent);background:var(--panel);padding:.75rem 1rem;max-width:44rem}
@media (max-width:30rem){th,td{padding-right:.75rem}table{font-size:.875rem}h1{font-size:1.35rem}}
@media print{body{max-width:none}figure,tr{break-inside:avoid}nav{display:none}}
`;

/** The whole of a page's style; it fetches nothing. */
export function pageStyle(): string {
  const night = `@media (prefers-color-scheme:dark){:root{${variables(DARK)}}}`;
  return `:root{${variables(LIGHT)}}${night}${LAYOUT}${drawingStyle()}`;
}

function variables({ series, ...colours }: Theme): string {
  return Object.entries(colours)
    .map(([name, colour]) => `--${name}:${colour}`)
    .join(';');
}
