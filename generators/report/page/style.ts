import { darkPalette, lightPalette, plotRules } from "../plot/style.ts";

/** The page's style sheet. On paper it is always light. */
export const style = `:root { color-scheme: light dark; ${lightPalette} }
@media screen and (prefers-color-scheme: dark) { :root { ${darkPalette} } }
* { box-sizing: border-box; }
body {
  margin: 0 auto; padding: 2rem 1.25rem 4rem; max-width: 78rem; background: var(--ground); color: var(--ink);
  font: 1rem/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif;
}
h1 { margin: 0 0 1rem; font-size: 1.75rem; line-height: 1.2; letter-spacing: -0.01em; }
h2 { margin: 0; font-size: 1.3rem; line-height: 1.3; }
a { color: var(--link); }
a:focus-visible, .table:focus-visible { outline: 2px solid var(--link); outline-offset: 2px; }
section { margin-top: 3rem; padding-top: 1.25rem; border-top: 1px solid var(--rule); }
.shape { margin: 0.15rem 0 1.25rem; color: var(--muted); }
div.shape { margin: 0; max-width: 22rem; font-weight: 400; white-space: normal; }
.note { max-width: 46rem; color: var(--muted); font-size: 0.9rem; }
.plots { display: grid; gap: 1.5rem 2rem; grid-template-columns: repeat(auto-fill, minmax(min(100%, 30rem), 1fr)); }
.plots.small { grid-template-columns: repeat(auto-fill, minmax(min(100%, 21rem), 1fr)); }
.plots + .plots { margin-top: 1.5rem; }
figure { margin: 0; max-width: 42rem; }
.small figure { max-width: 28rem; }
figcaption { margin-bottom: 0.25rem; font-weight: 600; font-size: 0.95rem; }
svg { display: block; width: 100%; height: auto; font-size: 12px; font-variant-numeric: tabular-nums; }
${plotRules}.table { margin-top: 1.25rem; overflow-x: auto; }
table { border-collapse: collapse; font-size: 0.875rem; font-variant-numeric: tabular-nums; }
caption { padding-bottom: 0.35rem; text-align: left; font-weight: 600; font-size: 0.95rem; }
th, td { padding: 0.25rem 1.1rem 0.25rem 0; text-align: left; vertical-align: baseline; white-space: nowrap; }
thead th { color: var(--muted); font-weight: 500; border-bottom: 1px solid var(--rule); }
tbody th { font-weight: 500; }
tbody tr + tr :is(th, td) { border-top: 1px solid var(--grid); }
.number { text-align: right; }
@page { margin: 14mm; }
@media print {
  :root { font-size: 10pt; }
  body { padding: 0; max-width: none; }
  .plots, .plots.small { grid-template-columns: 1fr 1fr; }
  figure, tr { break-inside: avoid; }
  h2, figcaption, caption { break-after: avoid; }
  .table { overflow: visible; }
  table { font-size: 8pt; }
  th, td:not(.number) { white-space: normal; }
  th, td { padding-right: 0.5rem; }
}
`;
