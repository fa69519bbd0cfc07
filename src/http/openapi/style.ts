/** The style of the page that shows the OpenAPI document. */

/** Its hash stands in the page's content security policy. */
export const STYLE = `
:root { --text: #1c2127; --soft: #5b6570; --line: #dde2e7; --back: #fff; --raised: #f5f7f9; --link: #0b5cad;
  --get: #0b6b3a; --post: #8a4b00; --patch: #6a2c91; --head: #5b6570; }
@media (prefers-color-scheme: dark) { :root { --text: #e3e8ed; --soft: #9aa6b2; --line: #2e363f; --back: #14181c;
  --raised: #1c2228; --link: #7fb8f5; --get: #6fd3a0; --post: #f0b76a; --patch: #cfa0ee; --head: #9aa6b2; } }
* { box-sizing: border-box; }
html { scroll-padding-top: 1rem; }
body { margin: 0; background: var(--back); color: var(--text); font: 16px/1.55 system-ui, sans-serif; }
header, main { padding: 0 1rem; max-width: 60rem; }
header { padding-top: 1.5rem; }
h1 { font-size: 1.9rem; margin: 0; }
h1 small { color: var(--soft); font-size: 1rem; font-weight: 400; }
h2 { margin: 3rem 0 0; font-size: 1.4rem; text-transform: capitalize; }
h3 { margin: 0; font-size: 1.05rem; overflow-wrap: anywhere; }
h4 { margin: 1rem 0 .3rem; font-size: .85rem; color: var(--soft); }
section[id^="schema-"] > h4 { color: var(--text); font-size: 1.05rem; margin-top: 2rem; }
a { color: var(--link); }
code, pre { font: .875em/1.5 ui-monospace, monospace; }
pre { background: var(--raised); border: 1px solid var(--line); border-radius: 6px; padding: .75rem; overflow-x: auto; }
.operation { border-top: 1px solid var(--line); padding: 1.25rem 0 .5rem; margin-top: 1.25rem; }
.operation > p { margin: .4rem 0; }
.method { font: 700 .8em ui-monospace, monospace; display: inline-block; min-width: 4em; color: var(--head); }
.get { color: var(--get); } .post { color: var(--post); } .patch { color: var(--patch); }
.key { border: 1px solid var(--line); border-radius: 99px; padding: .1rem .6rem; color: var(--soft); white-space: nowrap; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: .9rem; }
th, td { text-align: left; vertical-align: top; padding: .35rem .75rem .35rem 0; border-top: 1px solid var(--line); }
th { font-weight: 400; } th small { color: var(--soft); white-space: nowrap; }
td:nth-child(2) { min-width: 7rem; max-width: 18rem; } td:last-child { min-width: 12rem; }
nav h2 { margin: 1rem 0 .2rem; font-size: .85rem; color: var(--soft); }
nav ul { list-style: none; margin: 0; padding: 0; }
nav a { display: block; padding: .2rem 0; font-size: .85rem; text-decoration: none; overflow-wrap: anywhere; }
nav a:hover { text-decoration: underline; }
.menu { margin: 1rem; border: 1px solid var(--line); border-radius: 6px; padding: .5rem 1rem; }
.columns aside { display: none; }
@media (min-width: 62rem) {
  .menu { display: none; }
  .columns { display: grid; grid-template-columns: 18rem minmax(0, 1fr); }
  .columns aside { display: block; position: sticky; top: 0; height: 100vh; overflow-y: auto; padding: 0 1rem 2rem;
    border-right: 1px solid var(--line); }
  main { padding: 0 2rem 4rem; }
}
`;
