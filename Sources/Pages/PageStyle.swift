/// The style sheet of pages: colours are variables, with different values for a dark colour scheme.
package enum PageStyle {
  /// The number of colours of lines.
  private static let colourCount = 8

  /// The classes of the line with an index from 0; further lines reuse the colours with dashes.
  package static func line(_ index: Int) -> String {
    "m\(index % colourCount)" + (index < colourCount ? "" : " dashed")
  }

  package static let css = """
    :root {
      color-scheme: light dark;
      --page: #ffffff; --ink: #1d2127; --faint: #667080; --grid: #e2e6ec;
      --baseline: #8a929e; --reference: #1d2127;
      --c0: #0b62b0; --c1: #c74a00; --c2: #00805e; --c3: #a8437f;
      --c4: #9a6b00; --c5: #5b4fc0; --c6: #00808f; --c7: #b3261e;
    }
    @media (prefers-color-scheme: dark) {
      :root {
        --page: #14171b; --ink: #e4e8ee; --faint: #98a2b0; --grid: #2c323a;
        --baseline: #98a2b0; --reference: #e4e8ee;
        --c0: #62b0ff; --c1: #ff9552; --c2: #3fcf9f; --c3: #f08cc8;
        --c4: #e3b341; --c5: #a99cff; --c6: #4cc9d8; --c7: #ff7b72;
      }
    }
    body {
      margin: 2rem auto; max-width: 84rem; padding: 0 1rem; background: var(--page);
      color: var(--ink); font: 15px/1.5 system-ui, sans-serif;
    }
    h1 { font-size: 1.6rem; } h2 { font-size: 1.25rem; margin-top: 2.5rem; } h3 { font-size: 1.05rem; }
    h4 { font-size: .95rem; margin-bottom: .4rem; }
    p, dl, figcaption { color: var(--faint); } small { font-size: .8rem; }
    dl { display: grid; grid-template-columns: max-content 1fr; gap: .1rem 1rem; }
    dt { font-weight: 600; } dd { margin: 0; overflow-wrap: anywhere; }
    .scroll { overflow-x: auto; }
    table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
    th, td { padding: .25rem .7rem; border-bottom: 1px solid var(--grid); text-align: right; }
    th { white-space: nowrap; } th:first-child { text-align: left; }
    td small { color: var(--faint); }
    .plots { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(21rem, 100%), 1fr)); gap: 1rem; }
    svg { width: 100%; height: auto; }
    svg text { fill: var(--faint); font: 11px system-ui, sans-serif; }
    svg text.title { fill: var(--ink); font-size: 13px; font-weight: 600; }
    .grid { stroke: var(--grid); }
    .line path { fill: none; stroke: var(--c); stroke-width: 2; stroke-linejoin: round; }
    .line path.band { fill: var(--c); stroke: none; opacity: .2; }
    .line circle { fill: var(--c); }
    .dashed path { stroke-dasharray: 6 4; }
    .legend { display: flex; flex-wrap: wrap; gap: .3rem 1.2rem; list-style: none; padding: 0; }
    .legend i {
      display: inline-block; width: 1.4rem; border-top: 3px solid var(--c); margin-right: .4rem;
      vertical-align: middle;
    }
    .legend .dashed i { border-top-style: dashed; }
    .crops { display: flex; gap: .6rem; overflow-x: auto; }
    .crops figure { margin: 0; width: min-content; } .crops img { display: block; image-rendering: pixelated; }
    .baseline { --c: var(--baseline); } .reference { --c: var(--reference); }
    """ + (0..<colourCount).map { "\n.m\($0) { --c: var(--c\($0)); }" }.joined()
}
