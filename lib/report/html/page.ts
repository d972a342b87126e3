/** The report as one page that needs nothing beside it. */
import { VERSION } from '../../core/version';
import type { Account } from '../account';
import { markup } from '../markup';
import { groupSections } from './groups';
import { overviewSection, proofSection, sideSection, stageSection, widthSection } from './outcome';
import { section, type Section } from './parts';
import { gammaSection, sensitivitySection, timingSection } from './scans';
import { pageStyle } from './style';

/**
 * The account of a compression as one HTML file: no scripts, nothing from the network, light or dark as the reader prefers.
 * What was not measured is left out. The same account gives the same text.
 */
export function toHtml(account: Account): string {
  const { report, plan } = account;
  const { method, seed, backend } = report;
  const sections = sectionsOf(account);
  const { markup: text } = markup`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width,initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none';style-src 'unsafe-inline';img-src data:">
<meta name="color-scheme" content="light dark">
<title>${method}: report</title>
<link rel="icon" href="data:,">
<style>${{ markup: pageStyle() }}</style>
</head>
<body>
<header>
<h1>${method}</h1>
<p>Seed ${seed}, ${backend}${plan && markup`, model ${plan.source.sha256.slice(0, 12)}`}</p>
<nav aria-label="Sections"><ul>${sections.map(({ id, title }) => markup`<li><a href="#${id}">${title}</a></li>`)}</ul></nav>
</header>
<main>
${sections.map(section)}</main>
<footer>tfjs-prune ${VERSION}</footer>
</body>
</html>
`;
  return text;
}

function sectionsOf({ report, plan, sensitivity }: Account): readonly Section[] {
  return [
    overviewSection(report),
    proofSection(report),
    stageSection(report),
    widthSection(report),
    ...(plan ? groupSections(plan) : []),
    timingSection(plan),
    gammaSection(report),
    sensitivity && sensitivitySection(sensitivity),
    sideSection(report),
  ].filter(found => found !== undefined);
}
