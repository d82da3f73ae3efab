/** Two palettes of six hues that stay apart in the common forms of colour blindness, 3:1 or more on their ground. */
export const lightPalette = `
  --ground: #ffffff; --ink: #1a1d21; --muted: #5a626c; --rule: #d5d9de; --grid: #e6e9ec; --link: #005ea8;
  --color-1: #0072b2; --color-2: #d55e00; --color-3: #00805e; --color-4: #b0468a; --color-5: #8a6a00; --color-6: #5b4bb3;`;

export const darkPalette = `
  --ground: #15181c; --ink: #e6e8ea; --muted: #a0a8b1; --rule: #3a4048; --grid: #2a2f36; --link: #7cc0f5;
  --color-1: #56b4e9; --color-2: #f5863d; --color-3: #2fc49a; --color-4: #e79ac8; --color-5: #e0c040; --color-6: #ab9df2;`;

const colors = [1, 2, 3, 4, 5, 6].map((color) => `.color-${color} { color: var(--color-${color}); }`).join("\n");

/** How what `drawPlot` makes looks, in the colours of a palette. */
export const plotRules = `svg text { fill: var(--muted); }
svg .axis-title { fill: var(--ink); }
.grid { stroke: var(--grid); }
.base { stroke: var(--muted); }
.reference { color: var(--muted); }
line.reference { stroke: currentColor; stroke-width: 1.5; stroke-dasharray: 5 4; }
.line { fill: none; stroke: currentColor; stroke-width: 2; stroke-linejoin: round; }
.marker { fill: currentColor; stroke: currentColor; stroke-width: 1.5; }
.marker.dense { fill: var(--ground); }
.labels text { fill: currentColor; font-weight: 600; }
.leader { fill: none; stroke: currentColor; stroke-width: 0.75; opacity: 0.55; }
${colors}
`;
