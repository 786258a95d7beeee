/** Of a report: two sets of colours, one column, tables that scroll by themselves, with a shadow at the edge behind which there is more. The page's policy lets in this text alone. */
export const STYLE = `
:root { color-scheme: light dark; --back: #fff; --text: #1b1f24; --dim: #57606a; --line: #d0d7de; --begun: #b6c8dc; --tokens: #2f6ca8;
  --bad: #b3261e; --band: #f6d5d2; --share: #1a7f37; --mark: #8250df; --link: #0b5cad }
@media (prefers-color-scheme: dark) { :root { --back: #14171a; --text: #e6e8ea; --dim: #a4acb4; --line: #3b434b; --begun: #3d5268;
  --tokens: #79b8f3; --bad: #ff8a80; --band: #46211f; --share: #6fdd8b; --mark: #c8a6ff; --link: #86bfff } }
@media print { :root { color-scheme: light; --back: #fff; --text: #000; --dim: #444; --line: #bbb; --begun: #c5ced8; --tokens: #2f6ca8;
  --bad: #b3261e; --band: #f6d5d2; --share: #1a7f37; --mark: #8250df; --link: #000 } }
* { box-sizing: border-box }
body { margin: 0 auto; padding: 1rem; max-width: 72rem; background: var(--back); color: var(--text); font: 16px/1.5 system-ui, sans-serif;
  overflow-wrap: anywhere }
h1 { font-size: 1.5rem; line-height: 1.2 }
h2 { font-size: 1.2rem; margin: 2rem 0 .5rem; border-top: 1px solid var(--line); padding-top: 1rem }
h3 { font-size: 1rem; margin: 1rem 0 .25rem }
p, dl, ul { margin: .25rem 0 .5rem; max-width: 48rem }
a { color: var(--link) }
:focus-visible { outline: 3px solid var(--tokens); outline-offset: 2px }
.skip { position: absolute; left: -100vw }
.skip:focus { left: 1rem; background: var(--back) }
nav ul { max-width: none; display: flex; flex-wrap: wrap; gap: .25rem 1rem; padding: 0; list-style: none }
.figures { display: flex; flex-wrap: wrap; gap: .5rem 2rem; margin: 1rem 0 }
.figures div { display: flex; flex-direction: column-reverse }
.figures dt { color: var(--dim) }
.figures dd { margin: 0; font-size: 1.5rem; line-height: 1.2; font-variant-numeric: tabular-nums }
.dim, caption { color: var(--dim) }
.facts { display: grid; grid-template-columns: minmax(5rem, max-content) 1fr; gap: 0 1rem }
.facts dt { color: var(--dim) }
.facts dd { margin: 0 }
.key { max-width: none }
.key span { margin-right: 1rem; white-space: nowrap }
.key svg { margin-right: .3rem }
.wide { overflow-x: auto; margin: .5rem 0; max-width: 100%; background: linear-gradient(to right, var(--back) 40%, transparent) 0 0 / 3rem 100% no-repeat local,
  linear-gradient(to left, var(--back) 40%, transparent) 100% 0 / 3rem 100% no-repeat local, linear-gradient(to right, var(--dim), transparent) 0 0 / .75rem 100% no-repeat,
  linear-gradient(to left, var(--dim), transparent) 100% 0 / .75rem 100% no-repeat }
table { border-collapse: collapse; font-variant-numeric: tabular-nums }
caption { text-align: left; padding: .25rem 0 }
th, td { padding: .15rem .75rem .15rem 0; text-align: left; vertical-align: top; border-bottom: 1px solid var(--line); white-space: nowrap }
th { font-weight: 600 }
.n { text-align: right }
.prose { white-space: normal; min-width: 20rem; overflow-wrap: anywhere }
.bad { color: var(--bad); font-weight: 600 }
svg { display: inline-block; vertical-align: middle }
.chart { display: block; overflow: visible; margin: 1rem 0 }
.label { font-size: 12px; fill: var(--dim) }
.axis { stroke: var(--line) }
.begun { fill: var(--begun) }
.tokens, .spark rect { fill: var(--tokens) }
.band { fill: var(--band) }
.incident { fill: var(--bad) }
line.share { stroke: var(--share); stroke-width: 2 }
circle.share { fill: var(--share) }
.config { stroke: var(--mark); stroke-width: 2 }
.secret { stroke: var(--bad); stroke-width: 2; stroke-dasharray: 3 2 }
.release { stroke: var(--mark); stroke-width: 2; stroke-dasharray: 4 2 }
@media print { body { padding: 0; max-width: none; font-size: 11px } .wide { overflow: visible; background: none } th, td { white-space: normal; overflow-wrap: normal } .prose { min-width: 0 } nav, .skip { display: none }
  h2, h3 { break-after: avoid } tr, .incident-text { break-inside: avoid } thead { display: table-header-group } }
`
