/** The style sheet of report.html: light and dark by the reader's setting, plain ink on paper in print. */
export const css = `
:root {
  color-scheme: light dark;
  --paper: #ffffff; --ink: #1f2328; --faint: #59636e; --line: #d9dee4; --soft: #f5f7f9; --link: #0a5c9e;
  --axis: #8c959f; --grid: #e4e7eb;
  --good: #14692f; --good-bg: #e3f4e8; --half: #7a4d00; --half-bg: #fdf0d3; --bad: #a3171f; --bad-bg: #fde8e8; --none: #59636e; --none-bg: #eef1f4;
  --sans: system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif;
  --serif: "Iowan Old Style", "Palatino Linotype", Palatino, "Source Serif 4", "Noto Serif", Georgia, serif;
  --mono: ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #14171a; --ink: #e4e7ea; --faint: #9aa4ae; --line: #30363d; --soft: #1c2025; --link: #6cb6f0;
    --axis: #6e7781; --grid: #2a3036;
    --good: #7ddb97; --good-bg: #12321c; --half: #f0c36a; --half-bg: #3a2b0c; --bad: #ff9b96; --bad-bg: #431c1d; --none: #9aa4ae; --none-bg: #262c32;
  }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.55 var(--sans); font-variant-numeric: tabular-nums; }
main { max-width: 66rem; margin: 0 auto; padding: 4rem 2rem 5rem; }
h1 { font: 600 2.1rem/1.2 var(--serif); margin: .3rem 0 .8rem; max-width: 48rem; text-wrap: balance; }
h2 { font: 600 1.3rem/1.3 var(--serif); margin: 4rem 0 1.2rem; }
h3 { font: 600 1rem/1.4 var(--sans); margin: 0 0 .2rem; }
a { color: var(--link); text-decoration-thickness: 1px; text-underline-offset: 2px; }
p { margin: 0 0 .8rem; }
.eyebrow, .faint, figcaption, .note { color: var(--faint); }
.eyebrow { font-size: .875rem; margin: 0; }
.authors { margin: 0 0 .2rem; }
.abstract { font: 400 1.12rem/1.55 var(--serif); max-width: 44rem; margin: 1.4rem 0 2rem; }
.facts { display: grid; grid-template-columns: repeat(auto-fit, minmax(11.5rem, 1fr)); gap: 1.1rem 2rem; margin: 0; padding: 1.3rem 0; border-top: 1px solid var(--line); border-bottom: 1px solid var(--line); font-size: .92rem; }
.facts dt { color: var(--faint); font-size: .8rem; }
.facts dd { margin: 0; overflow-wrap: anywhere; }
.tally { margin: -0.7rem 0 1rem; color: var(--faint); }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: .92rem; }
th { text-align: left; font-weight: 500; color: var(--faint); font-size: .8rem; padding: .35rem 1.1rem .35rem 0; border-bottom: 1px solid var(--line); vertical-align: bottom; }
td { padding: .5rem 1.1rem .5rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
th:last-child, td:last-child { padding-right: 0; }
.number { text-align: right; white-space: nowrap; }
.data { width: auto; min-width: 22rem; }
.data td { padding-top: .32rem; padding-bottom: .32rem; }
.block { margin: 0 0 2.6rem; }
.note { font-size: .875rem; margin: .6rem 0 0; max-width: 46rem; }
.claims td { padding-top: 1rem; padding-bottom: 1rem; }
.claims .id { color: var(--faint); width: 3rem; }
.claims .statement { max-width: 30rem; }
.claims .sub { display: block; color: var(--faint); font-size: .85rem; margin-top: .25rem; }
.claims .figure { white-space: nowrap; }
.claims .figure.long { white-space: normal; min-width: 10rem; max-width: 16rem; }
.badge { display: inline-block; white-space: nowrap; font-size: .82rem; line-height: 1.5; padding: .08rem .6rem .08rem .5rem; border-radius: 1rem; }
.badge.exact, .badge.reproduced { color: var(--good); background: var(--good-bg); }
.badge.partly { color: var(--half); background: var(--half-bg); }
.badge.not-reproduced { color: var(--bad); background: var(--bad-bg); }
.badge.not-attempted { color: var(--none); background: var(--none-bg); }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 27rem), 1fr)); gap: 3rem 2.5rem; }
figure { margin: 0; min-width: 0; }
figcaption { font-size: .875rem; margin-top: .5rem; }
figure svg { display: block; width: 100%; max-width: 38rem; height: auto; margin-top: .6rem; }
svg [fill="#24292f"] { fill: var(--ink); }
svg [fill="#57606a"] { fill: var(--faint); }
svg [stroke="#8c959f"] { stroke: var(--axis); }
svg [stroke="#e4e7eb"] { stroke: var(--grid); }
@media (prefers-color-scheme: dark) {
  svg [stroke="#0072b2"] { stroke: #3fa2dc; } svg [fill="#0072b2"] { fill: #3fa2dc; }
  svg [stroke="#d55e00"] { stroke: #f08a4b; } svg [fill="#d55e00"] { fill: #f08a4b; }
  svg [stroke="#009e73"] { stroke: #2fbf97; } svg [fill="#009e73"] { fill: #2fbf97; }
}
code, pre { font-family: var(--mono); font-size: .86em; }
pre { background: var(--soft); border-radius: 6px; padding: .9rem 1.1rem; margin: 0 0 .8rem; white-space: pre-wrap; overflow-wrap: anywhere; }
.changed { font-weight: 600; }
footer { margin-top: 4rem; padding-top: 1rem; border-top: 1px solid var(--line); color: var(--faint); font-size: .85rem; }
@media (max-width: 46rem) {
  main { padding: 2rem 1.15rem 3rem; }
  h1 { font-size: 1.6rem; }
  h2 { margin-top: 3rem; }
  .claims thead { display: none; }
  .claims tr { display: block; border-bottom: 1px solid var(--line); padding: 1rem 0; }
  .claims td { display: block; border: 0; padding: .1rem 0; width: auto; max-width: none; }
  .claims td[data-head]::before { content: attr(data-head) " "; color: var(--faint); }
  .claims .figure, .claims .figure.long { white-space: normal; max-width: none; }
  .claims .verdict { margin-top: .5rem; }
  .data { min-width: 0; }
}
@media print {
  :root { color-scheme: light; --paper: #fff; --ink: #000; --faint: #444; --line: #bbb; --soft: #f4f4f4; --link: #000; --axis: #777; --grid: #ddd; --good: #000; --half: #000; --bad: #000; --none: #444; --good-bg: none; --half-bg: none; --bad-bg: none; --none-bg: none; }
  body { font-size: 10pt; }
  main { max-width: none; padding: 0; }
  h2 { margin-top: 1.6rem; break-after: avoid; }
  .badge { border: 1px solid currentColor; }
  tr, figure, .block { break-inside: avoid; }
  .charts { grid-template-columns: 1fr 1fr; gap: 1.5rem; }
  a { text-decoration: none; }
}
`;
