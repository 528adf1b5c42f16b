/**
 * Shows what `npm run bench -- --json > docs/benchmarks.json` printed: a chart, one bar for each figure as a part of what its target
 * allows, and the table of `docs/benchmarks.md` with the machine that this is run on, which must be the one that measured.
 * The SVG is written by hand: forty lines, and no library for one picture.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, totalmem } from 'node:os';

const from = 'docs/benchmarks.json';
const to = 'docs/pictures/benchmarks.svg';
const page = 'docs/benchmarks.md';
const figures = JSON.parse(readFileSync(from, 'utf8'));

const names = 400;
const whole = 360; // the width of a target
const most = 1.5; // what is longer is cut, and says so
const row = 26;
const top = 44;
const width = names + whole * most + 40;
const height = top + figures.length * row + 20;

const bars = figures.map((figure, index) => {
  const { name, value, unit, target, met } = figure;
  const part = partOf(figure);
  const y = top + index * row;
  const long = Math.max(Math.min(part, most) * whole, 2);
  const said = `${value} ${unit}${isRatio(figure) ? `, ${figure.ratio} times` : ''} of ${target}`;
  // Beside a short bar, inside a long one, so that nothing leaves the picture.
  const inside = long > whole * 0.8;
  return [
    text(names - 10, y + 14, name, 'end'),
    `<rect x="${names}" y="${y}" width="${long.toFixed(1)}" height="18" fill="${met ? '#2f6f4f' : '#b3412e'}"/>`,
    text(
      names + (inside ? long - 8 : long + 8),
      y + 14,
      `${said}${part > most ? ' →' : ''}`,
      inside ? 'end' : 'start',
      inside ? '#ffffff' : '#57606a',
    ),
  ].join('\n');
});

writeFileSync(
  to,
  `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" font-family="system-ui, sans-serif" font-size="13">
<rect width="100%" height="100%" fill="#ffffff"/>
${text(names + whole, 22, 'target', 'middle')}
<line x1="${names + whole}" y1="30" x2="${names + whole}" y2="${height - 12}" stroke="#24292f" stroke-dasharray="4 3"/>
${bars.join('\n')}
</svg>
`,
);

const machine = `${availableParallelism()} cores (${cpus()[0]?.model.trim()}), ${Math.round(totalmem() / 2 ** 30)} GB, ${process.platform}, Node ${process.versions.node}`;
const table = [
  '![The figures as parts of their targets](pictures/benchmarks.svg)',
  '',
  `Measured on ${machine}.`,
  '',
  '| what | figure | against | ratio | target | what ran |',
  '| --- | --- | --- | --- | --- | --- |',
  ...figures.map(
    ({ name, value, unit, against, ratio, target, met, ran }) =>
      `| ${name} | ${met ? '' : '**missed** '}${value} ${unit} | ${against} | ${ratio} | ${target} | ${ran} |`,
  ),
].join('\n');
const marks = ['<!-- figures -->', '<!-- end of figures -->'];
const written = readFileSync(page, 'utf8');
const [before] = written.split(marks[0]);
const after = written.split(marks[1])[1];
if (after === undefined) throw new Error(`${page} has no place for the figures: ${marks.join(' ')}`);
writeFileSync(page, `${before}${marks[0]}\n\n${table}\n\n${marks[1]}${after}`);

/** How much of what its target allows a figure takes. */
function partOf(figure) {
  return isRatio(figure) ? figure.ratio / Number.parseFloat(figure.target) : figure.ratio;
}

function isRatio({ target }) {
  return target.endsWith(' times');
}

function text(x, y, words, anchor, fill = '#24292f') {
  const safe = words.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
  // Behind what stands beside a bar, the line of the targets is left out.
  const halo = fill === '#57606a' ? ' paint-order="stroke" stroke="#ffffff" stroke-width="5"' : '';
  return `<text x="${x.toFixed(1)}" y="${y}" text-anchor="${anchor}" fill="${fill}"${halo}>${safe}</text>`;
}
