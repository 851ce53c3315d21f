// Subtitles that are pictures, drawn into the source's own: where, when and in which colours, looked at
// with tools that are not ours.
import assert from 'node:assert/strict';
import { colour_at, ffprobe, forged, lacks_tools, told_by } from './support/media.mjs';
import { pgs_of } from './support/pgs.mjs';
import { check_if } from './support/suite.mjs';
import { Transcodes, near } from './support/transcodes.mjs';

const made = Transcodes.for_all_checks();
const long = { timeout: 300_000 };
const dark = [32, 32, 32];
const light = [191, 191, 191]; // luma 180
const hd = { width: 1280, height: 720 };
// One at the bottom from 1 to 2 s, one at the top left from 3 to 3.5 s. The first, at 0 s, is so that
// clocks begin there.
const boxes = [
  { from: 0, to: 0.2, x: 600, y: 300, width: 32, height: 32 },
  { from: 1, to: 2, x: 400, y: 560, width: 480, height: 80 },
  { from: 3, to: 3.5, x: 40, y: 40, width: 200, height: 120 },
];

/// A dark clip with such subtitles. `codec` and `kind` are what ffmpeg makes of them.
async function clip_with(screen, list, { size = screen, codec = 'copy', kind = 'mkv', seconds = 4,
                                         look = {}, more = [] } = {}) {
  const sup = made.store(pgs_of(screen, list, look), 'boxes.sup');
  const colour = `color=0x202020:s=${size.width}x${size.height}:r=25:d=${seconds},format=yuv420p`;
  const with_text = await forged(['-f', 'lavfi', '-i', colour, '-i', sup, '-map', '0', '-map', '1', '-c:v',
    'libx264', '-preset', 'ultrafast', '-crf', '8', '-g', '25', '-c:s', 'copy', ...more]);
  if (codec === 'copy') return with_text;
  return forged(['-i', with_text, '-map', '0', '-c:v', 'copy', '-c:s', codec], kind);
}

async function drawn(file, options = {}, extra = {}) {
  const task = await made.make(file, [{ name: 'v', type: 'video', audio: false, ...extra,
    video: { preset: 'ultrafast', crf: 8, subtitles: {}, ...options } }]);
  return (await made.file(task.outputs[0])).file;
}

async function is_colour(file, at, [x, y], wanted, tolerance = 6) {
  const got = await colour_at(file, x, y, { at, side: 4 });
  assert.ok(got.every((value, i) => Math.abs(value - wanted[i]) <= tolerance),
            `at ${at} s, ${x},${y}: ${got.map(Math.round)}, not ${wanted}`);
}

check_if(lacks_tools, 'PGS is drawn while it is shown, and grows with the pictures', async () => {
  const source = await clip_with(hd, boxes);
  for (const [width, scale] of [[1280, 1], [640, 0.5], [320, 0.25]]) {
    const file = await drawn(source, { width });
    const at = (x, y) => [x * scale, y * scale];
    for (const moment of [0.5, 2.5, 3.8]) await is_colour(file, moment, at(640, 600), dark);
    await is_colour(file, 1.5, at(640, 600), light);
    await is_colour(file, 3.2, at(140, 100), light);
    await is_colour(file, 3.2, at(640, 600), dark);
    // Its edges, 4 pixels to either side.
    const edge = 4 / scale + 4;
    for (const [inside, outside] of [[[400 + edge, 600], [400 - edge, 600]], [[880 - edge, 600], [880 + edge, 600]],
                                     [[640, 560 + edge], [640, 560 - edge]], [[640, 640 - edge], [640, 640 + edge]]]) {
      await is_colour(file, 1.5, at(...inside), light, 12);
      await is_colour(file, 1.5, at(...outside), dark, 12);
    }
  }
}, long);

check_if(lacks_tools, 'its colours and how opaque it is are kept, in ten bits as well', async () => {
  // Of BT.709: a strong orange.
  const look = { colour: [139, 43, 183], opacity: 128 };
  const source = await clip_with(hd, boxes, { look });
  for (const options of [{}, { codec: 'h265', pixel_depth: 10 }]) {
    const file = await drawn(source, { color_space: 'bt709', ...options });
    const [r, g, b] = await colour_at(file, 640, 600, { at: 1.5, side: 4 });
    // Half of the colour, and half of the ground.
    near(r, (242 + 32) / 2, 8, 'red');
    near(g, (118 + 32) / 2, 12, 'green');
    near(b, (0 + 32) / 2, 12, 'blue');
  }
}, long);

check_if(lacks_tools, 'a film cut to its pictures keeps what was below them within', async () => {
  const source = await clip_with(hd, [boxes[0], { ...boxes[1], y: 630 }], { size: { width: 1280, height: 534 } });
  const file = await drawn(source, { width: 640 });
  const { height } = (await ffprobe(file)).video;
  await is_colour(file, 1.5, [320, height - 20], light);
  await is_colour(file, 1.5, [320, height - 60], dark);
  await is_colour(file, 1.5, [180, height - 20], dark);
}, long);

check_if(lacks_tools, 'on a ground the subtitles stay on the pictures', async () => {
  const source = await clip_with(hd, boxes);
  const file = await drawn(source, { width: 640, height: 640, fit: 'pad', background: '#0000ff' });
  await is_colour(file, 1.5, [320, 140 + 300], light);
  await is_colour(file, 1.5, [320, 620], [0, 0, 255], 20);
}, long);

check_if(lacks_tools, 'those of DVDs and of DVB are drawn as well', async () => {
  const sd = { width: 720, height: 576 };
  const list = [{ from: 0, to: 3.5, x: 200, y: 480, width: 320, height: 48 }];
  for (const [codec, kind] of [['dvdsub', 'mkv'], ['dvbsub', 'ts']]) {
    const file = await drawn(await clip_with(sd, list, { codec, kind, seconds: 3 }));
    await is_colour(file, 1, [360, 504], light, 24);
    await is_colour(file, 1, [360, 440], dark);
    await is_colour(file, 1, [180, 504], dark);
  }
}, long);

check_if(lacks_tools, 'a part of a source has those of its own time', async () => {
  const part = await drawn(await clip_with(hd, boxes), { width: 320 }, { start: 1.5, end: 3.4 });
  await is_colour(part, 0.2, [160, 150], light);
  await is_colour(part, 1, [160, 150], dark);
  await is_colour(part, 1.7, [35, 25], light);
}, long);

check_if(lacks_tools, 'what stays long is there in every segment', async () => {
  const list = [{ from: 0, to: 0.5, x: 40, y: 40, width: 200, height: 100 }, { ...boxes[1], from: 1.3, to: 7.6 }];
  const source = await clip_with(hd, list, { seconds: 9 });
  const transcodes = await new Transcodes().start({ flags: ['--worker-segment', '2s'] });
  try {
    const task = await transcodes.make(source, [{ name: 'v', type: 'video', audio: false,
      video: { width: 320, preset: 'ultrafast', crf: 8, subtitles: {} } }]);
    assert.ok(task.attempts > 4, `${task.attempts} attempts`);
    const { file } = await transcodes.file(task.outputs[0]);
    const told = await told_by(file, 'crop=100:10:110:145,signalstats,metadata=print');
    const lumas = [...told.matchAll(/YAVG=([\d.]+)/g)].map((found) => Number(found[1]));
    assert.equal(lumas.length, 225);
    lumas.forEach((luma, i) => {
      const is_shown = i / 25 >= 1.299 && i / 25 < 7.599;
      assert.ok(is_shown ? luma > 170 : luma < 50, `picture ${i}: ${luma}`);
    });
  } finally {
    await transcodes.close();
  }
}, long);
