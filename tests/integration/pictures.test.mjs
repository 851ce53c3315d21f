// What becomes of pictures on their way: sizes, turns, rates, colours, what is laid over them. Each
// check looks at decoded pixels with tools that are not ours.
import assert from 'node:assert/strict';
import { after, before } from 'node:test';
import fs from 'node:fs';
import { clip, colour_at, ffprobe, forged, lacks_clips, lacks_tools, packets_of, told_by }
  from './support/media.mjs';
import { MediaSource } from './support/source.mjs';
import { check, check_if } from './support/suite.mjs';
import { Transcodes, near } from './support/transcodes.mjs';

const long = { timeout: 600_000 };
let made;
let source;
before(async () => {
  source = await MediaSource.start();
  made = await new Transcodes().start({ flags: ['--network-allow-addresses', source.address] });
}, { timeout: 120_000 });
after(() => Promise.all([made?.close(), source?.close()]), { timeout: 180_000 });

const red = [255, 0, 0];
const green = [0, 255, 0];
const blue = [0, 0, 255];
const white = [255, 255, 255];
const black = [0, 0, 0];
const quick = { preset: 'ultrafast', crf: 12 };

/// Red, green above blue, white; 320x240 at 25 frames/s, 2 s.
const quarters = (...more) => {
  const part = (colour) => `color=${colour}:s=160x120:r=25:d=2,format=gbrp`;
  return ['-f', 'lavfi', '-i', `${part('red')}[a];${part('lime')}[b];${part('blue')}[c];` +
    `${part('white')}[d];[a][b][c][d]xstack=inputs=4:layout=0_0|w0_0|0_h0|w0_h0`, ...more];
};
const encoded = (matrix, more = '') => ['-vf', `scale=out_color_matrix=${matrix}:out_range=tv${more},` +
  'format=yuv420p', '-c:v', 'libx264', '-crf', '6', '-preset', 'ultrafast'];
const plain = () => forged(quarters(...encoded('bt601')));

async function video(file, options, extra = {}) {
  const task = await made.make(file, [{ name: 'v', type: 'video', audio: false,
                                        video: { ...quick, ...options }, ...extra }]);
  return (await made.file(task.outputs[0])).file;
}

async function is_colour(file, [x, y], wanted, { tolerance = 14, ...when } = {}) {
  const got = await colour_at(file, x, y, when);
  const text = `at ${x},${y}: ${got.map(Math.round)}, not ${wanted}`;
  assert.ok(got.every((value, i) => Math.abs(value - wanted[i]) <= tolerance), text);
}

async function has_size(file, width, height) {
  const seen = await ffprobe(file);
  assert.deepEqual([seen.video.width, seen.video.height], [width, height]);
  return seen;
}

// --- sizes, parts, turns ---

check_if(lacks_tools, 'a picture meets its size inside, filling, stretched or on a ground', async () => {
  const file = await plain();
  const sizes = { fit: [180, 136], crop: [180, 180], stretch: [180, 180], pad: [180, 180] };
  const results = {};
  for (const fit of Object.keys(sizes)) {
    results[fit] = await video(file, { width: 180, height: 180, fit, background: '#ff8000' });
    await has_size(results[fit], ...sizes[fit]);
  }
  // The middle of the picture stays the middle, whatever is cut.
  for (const fit of ['crop', 'stretch']) {
    for (const [at, colour] of [[[80, 80], red], [[100, 80], green], [[80, 100], blue],
                                [[100, 100], white], [[8, 8], red], [[172, 172], white]]) {
      await is_colour(results[fit], at, colour);
    }
  }
  await is_colour(results.pad, [90, 8], [255, 128, 0]);
  await is_colour(results.pad, [90, 172], [255, 128, 0]);
  await is_colour(results.pad, [20, 40], red);
  await is_colour(results.pad, [160, 140], white);
}, long);

check_if(lacks_tools, 'a part of the picture is cut out, turned and mirrored in that order', async () => {
  const file = await plain();
  const right = await video(file, { crop: { x: '50%', width: 160 } });
  await has_size(right, 160, 240);
  await is_colour(right, [80, 60], green);
  await is_colour(right, [80, 180], white);
  const turned = await video(file, { rotate: 90 });
  await has_size(turned, 240, 320);
  for (const [at, colour] of [[[60, 80], blue], [[180, 80], red], [[60, 240], white],
                              [[180, 240], green]]) {
    await is_colour(turned, at, colour);
  }
  const mirrored = await video(file, { rotate: 270, flip: 'horizontal', width: 120 });
  await has_size(mirrored, 120, 160);
  await is_colour(mirrored, [30, 40], white);
  await is_colour(mirrored, [90, 40], green);
  await is_colour(mirrored, [30, 120], blue);
  const all = await video(file, { crop: { y: 120 }, rotate: 180, flip: 'vertical', width: 100,
                                  height: 100, fit: 'pad' });
  await has_size(all, 100, 100);
  await is_colour(all, [25, 50], white);
  await is_colour(all, [75, 50], blue);
  await is_colour(all, [50, 8], black);
}, long);

check_if(lacks_tools, 'a ladder of cropped and turned pictures shares its scaling', async () => {
  const options = (width) => ({ ...quick, crop: { width: '50%' }, rotate: 90, width, height: width,
                                fit: 'pad' });
  const task = await made.make(await plain(), [{ name: 'h', type: 'hls', segment: 2, renditions:
    [160, 80].map((width) => ({ name: `w${width}`, video: options(width), audio: false })) }]);
  for (const [index, variant] of (await made.hls(task.outputs[0])).entries()) {
    const side = [160, 80][index];
    await has_size(variant.file, side, side);
    await is_colour(variant.file, [side / 4, side / 2], blue);
    await is_colour(variant.file, [(side * 3) / 4, side / 2], red);
    await is_colour(variant.file, [side / 2, side * 0.1], black);
  }
}, long);

check_if(lacks_tools, 'stills are framed like videos', async () => {
  const still = { type: 'cover', at: 1, format: 'png' };
  const task = await made.make(await plain(), [
    { name: 'pad', ...still, width: 120, height: 120, fit: 'pad', background: '#ffffff', rotate: 90 },
    { name: 'crop', ...still, width: 60, height: 120, fit: 'crop', format: 'jpg' },
    { name: 'part', ...still, crop: { x: 160, y: 120 }, flip: 'vertical' },
  ]);
  const files = [];
  for (const output of task.outputs) files.push((await made.file(output)).file);
  await has_size(files[0], 120, 120);
  await is_colour(files[0], [6, 60], white);
  await is_colour(files[0], [40, 20], blue);
  await is_colour(files[0], [80, 20], red);
  await has_size(files[1], 60, 120);
  await is_colour(files[1], [15, 30], red);
  await is_colour(files[1], [45, 90], white);
  await has_size(files[2], 160, 120);
  await is_colour(files[2], [80, 60], white);
}, long);

check_if(lacks_tools, 'the best cover is neither dark, empty, washed out nor blurred', async () => {
  const flat = (colour) => `color=${colour}:s=320x240:r=25:d=2`;
  const scene = 'testsrc2=s=320x240:r=25:d=2';
  const file = await forged(['-f', 'lavfi', '-i',
    `${flat('black')}[a];${flat('gray')}[b];${scene},boxblur=8[c];${scene},hue=s=0.2[d];` +
    `${flat('white')}[e];[a][b][c][d][e]concat=n=5`, ...encoded('bt601')]);
  const at = ['best', 7, 5];
  const task = await made.make(file, at.map((place, i) => (
    { name: `c${i}`, type: 'cover', at: place, quality: 95 })));
  const [best, sharp, blurred] = task.outputs.map((output) => output.files[0].size);
  assert.ok(Math.abs(best / sharp - 1) < 0.1 && best > 1.5 * blurred, `${[best, sharp, blurred]}`);
});

check('options that contradict each other are refused by name', async () => {
  const refused = async (options, field) => {
    const answer = await made.server.client.raw('POST', '/api/v1/tasks', { body: {
      input: 'file-id:' + '0'.repeat(32), outputs: [{ type: 'video', video: options }] } });
    assert.equal(answer.status, 400);
    assert.equal(answer.json().field, `outputs[0].video.${field}`, answer.text);
  };
  await refused({ fit: 'pad', width: 100 }, 'fit');
  await refused({ rotate: 45 }, 'rotate');
  await refused({ frame_rate: 25, max_frame_rate: 30 }, 'frame_rate');
  await refused({ background: 'red' }, 'background');
  await refused({ profile: 'main', pixel_depth: 10 }, 'profile');
  await refused({ codec: 'h265', hdr: 'keep', pixel_depth: 8 }, 'hdr');
  await refused({ crop: { x: '150%' } }, 'crop.x');
  await refused({ watermarks: [{}] }, 'watermarks[0].image');
  await refused({ subtitles: { file: 'a', stream: 1 } }, 'subtitles.file');
});

check_if(lacks_tools, 'a crop outside of the picture fails that output alone', async () => {
  const task = await made.make(await plain(), [
    { name: 'bad', type: 'video', video: { ...quick, crop: { x: 1000 } } },
    { name: 'good', type: 'video', video: { ...quick, width: 64 } }]);
  assert.equal(task.outputs[0].error.code, 'invalid_parameter');
  assert.equal(task.outputs[1].state, 'succeeded');
}, long);

// --- rates ---

check_if(lacks_tools, 'a frame rate is met exactly, up and down, and the length stays', async () => {
  const file = await forged(['-f', 'lavfi', '-i', 'testsrc2=s=160x120:r=25:d=2', ...encoded('bt601')]);
  for (const [rate, count, text] of [[50, 100, '50/1'], [10, 20, '10/1'],
                                     [29.97, 60, '30000/1001']]) {
    const result = await video(file, { frame_rate: rate });
    const seen = await ffprobe(result, { count: true });
    assert.equal(Number(seen.video.nb_read_frames), count, `${rate}/s`);
    assert.equal(seen.video.r_frame_rate, text);
    near(Number(seen.format.duration), 2, 0.05, 'duration');
    const times = (await packets_of(result, 'v:0')).map((p) => p.pts);
    times.forEach((time, i) => near(time - times[0], i / eval(text), 0.001, `picture ${i}`));
  }
}, long);

// --- interlaced sources ---

const interlaced = (flags) => forged(['-f', 'lavfi', '-i', 'testsrc2=s=320x240:r=50:d=2', '-vf',
  'tinterlace=interleave_top,fieldorder=tff,format=yuv420p', ...flags]);
const combed = async (file) => {
  const text = await told_by(file, 'idet');
  const [, tff, bff] = /Multi frame detection: TFF:\s*(\d+) BFF:\s*(\d+)/.exec(text);
  return Number(tff) + Number(bff);
};

check_if(lacks_tools, 'interlaced pictures are made whole where their frames say so or one asks', async () => {
  const flagged = await interlaced(['-c:v', 'mpeg2video', '-flags', '+ildct+ilme', '-q:v', '3']);
  const silent = await interlaced(['-c:v', 'libx264', '-crf', '6', '-preset', 'ultrafast']);
  assert.ok((await combed(flagged)) > 25, 'the source is combed');
  assert.ok((await combed(await video(flagged, { deinterlace: 'off' }))) > 25);
  assert.ok((await combed(await video(flagged, {}))) < 5);
  assert.ok((await combed(await video(silent, {}))) > 25, 'nothing tells');
  assert.ok((await combed(await video(silent, { deinterlace: 'on' }))) < 5);
  const both = await made.make(flagged, [
    { name: 'a', type: 'video', video: { ...quick, deinterlace: 'off' } },
    { name: 'b', type: 'video', video: quick }, { name: 'c', type: 'cover' }]);
  assert.ok((await combed((await made.file(both.outputs[0])).file)) > 25);
  assert.ok((await combed((await made.file(both.outputs[1])).file)) < 5);
}, long);

// --- depth and dynamic range ---

check_if(lacks_tools, 'H.264, H.265, AV1 and VP9 are made in 10 bit', async () => {
  const file = await plain();
  const task = await made.make(file, ['h264', 'h265', 'av1', 'vp9'].map((codec) => ({
    name: codec, type: 'video', container: 'mkv', audio: false,
    video: { codec, pixel_depth: 10, preset: 'ultrafast' } })));
  for (const output of task.outputs) {
    const result = (await made.file(output)).file;
    assert.equal((await ffprobe(result)).video.pix_fmt, 'yuv420p10le', output.name);
    await is_colour(result, [80, 60], red, { tolerance: 20 });
    await is_colour(result, [240, 180], white, { tolerance: 20 });
  }
}, long);

/// Grey patches of 100 cd/m2 and of 20, in PQ or HLG, with what displays want to know.
const hdr = (transfer) => forged(['-f', 'lavfi', '-i',
  'color=white:s=160x240:r=25:d=1,format=gbrpf32le[a];color=0x7f7f7f:s=160x240:r=25:d=1,' +
  'format=gbrpf32le[b];[a][b]hstack', '-vf',
  'setparams=color_trc=bt709:color_primaries=bt709:colorspace=gbr,' +
  `zscale=t=linear:npl=100,zscale=p=bt2020:t=${transfer}:m=bt2020nc:r=tv:npl=100,format=yuv420p10le`,
  '-c:v', 'libx265', '-preset', 'ultrafast', '-x265-params',
  'log-level=none:crf=6:hdr10=1:master-display=G(13250,34500)B(7500,3000)R(34000,16000)' +
  'WP(15635,16450)L(10000000,50):max-cll=1000,400',
  '-color_primaries', 'bt2020', '-color_trc', transfer, '-colorspace', 'bt2020nc'], 'mp4');

for (const transfer of ['smpte2084', 'arib-std-b67']) {
  check_if(lacks_tools, `${transfer} becomes BT.709 in 8 bit and stays itself in 10`, async () => {
    const file = await hdr(transfer);
    const mapped = await video(file, {});
    const seen = (await ffprobe(mapped)).video;
    assert.deepEqual([seen.pix_fmt, seen.color_space, seen.color_transfer, seen.color_primaries],
                     ['yuv420p', 'bt709', 'bt709', 'bt709']);
    const bright = await colour_at(mapped, 80, 120);
    const dark = await colour_at(mapped, 240, 120);
    for (const patch of [bright, dark]) {
      assert.ok(Math.max(...patch) - Math.min(...patch) < 6, `grey stays grey: ${patch}`);
    }
    assert.ok(bright[0] > 150, `white is light: ${bright}`);
    assert.ok(dark[0] > 40 && dark[0] < bright[0] - 30, `grey is darker: ${dark}`);
    const deep = (await ffprobe(await video(file, { codec: 'h265', pixel_depth: 10, hdr: 'sdr' }))).video;
    assert.deepEqual([deep.pix_fmt, deep.color_transfer], ['yuv420p10le', 'bt709']);
    for (const codec of ['h264', 'h265', 'av1', 'vp9']) {
      const kept = await video(file, { codec, hdr: 'keep', crf: 20 });
      const facts = (await ffprobe(kept)).video;
      assert.deepEqual(
        [facts.pix_fmt, facts.color_space, facts.color_transfer, facts.color_primaries],
        ['yuv420p10le', 'bt2020nc', transfer, 'bt2020'], codec);
    }
    const { outputs: [ladder] } = await made.make(file, [{ type: 'hls', renditions: [
      { name: 'deep', video: { codec: 'h265', pixel_depth: 10, preset: 'ultrafast' } },
      { name: 'flat', video: { preset: 'ultrafast' } }] }]);
    const [kept, flat] = await made.hls(ladder);
    const range = transfer === 'smpte2084' ? 'PQ' : 'HLG';
    assert.equal(/VIDEO-RANGE=(\w+)/.exec(kept.attributes)?.[1], range);
    assert.doesNotMatch(flat.attributes, /VIDEO-RANGE/);
    assert.deepEqual(ladder.renditions.map((facts) => facts.video[0].profile),
                     ['Main 10', 'Constrained Baseline']);
    const still = await made.make(file, [{ type: 'cover', format: 'png' }]);
    const picture = (await made.file(still.outputs[0])).file;
    await is_colour(picture, [80, 120], bright, { tolerance: 10 });
  }, long);
}

check_if(lacks_tools, 'what a source says of its light is kept with it', async () => {
  const file = await hdr('smpte2084');
  const kept = await video(file, { codec: 'h265', pixel_depth: 10 });
  const text = await told_by(kept, 'showinfo');
  assert.match(text, /mastering display: .*g\(0\.2650.*max_luminance=1000\.0/);
  assert.match(text, /MaxCLL=1000/);
  // Of VP9 the container alone says it.
  for (const container of ['mp4', 'mkv', 'webm']) {
    const task = await made.make(file, [{ name: 'v', type: 'video', container, audio: false,
      video: { codec: 'vp9', pixel_depth: 10, preset: 'ultrafast' } }]);
    const data = (await ffprobe((await made.file(task.outputs[0])).file)).video.side_data_list ?? [];
    assert.equal(data.find((one) => one.max_content)?.max_content, 1000, container);
    const green = data.find((one) => one.green_x)?.green_x ?? '0/1';
    near(eval(green), 0.265, 0.001, container);
  }
}, long);

check_if(lacks_clips ?? lacks_tools, 'a phone\'s HDR10 loses its veil', async () => {
  const mapped = await video(clip('hdr10-hevc10-1080p.mp4'), { width: 320 });
  const sky = await colour_at(mapped, 150, 40);
  assert.ok(sky[2] > sky[0] + 60, `a blue sky: ${sky}`);
}, long);

// --- colours ---

const tags = { bt709: ['bt709', 'bt709', 'bt709'],
               smpte170m: ['smpte170m', 'smpte170m', 'smpte170m'],
               bt2020nc: ['bt2020', 'bt709', 'bt2020nc'] };
const tagged = (name, matrix, size = '') => {
  const [primaries, transfer, space] = tags[name];
  return forged(quarters(...encoded(matrix, size), '-color_primaries', primaries, '-color_trc',
                         transfer, '-colorspace', space));
};

check_if(lacks_tools, 'colours are converted to BT.709 where one asks', async () => {
  for (const [name, matrix] of [['bt709', 'bt709'], ['smpte170m', 'smpte170m'],
                                ['bt2020nc', 'bt2020']]) {
    const result = await video(await tagged(name, matrix), { color_space: 'bt709' });
    const seen = (await ffprobe(result)).video;
    assert.deepEqual([seen.color_space, seen.color_transfer, seen.color_primaries],
                     ['bt709', 'bt709', 'bt709'], name);
    // SMPTE-C's primaries lie within BT.709's, by their matrix and a display's power of 2.4; those of
    // BT.2020 without.
    const [r, g, b] = name === 'smpte170m' ? [[248, 47, 0], [73, 251, 0], [38, 46, 255]]
                                           : [red, green, blue];
    for (const [at, colour] of [[[80, 60], r], [[240, 60], g], [[80, 180], b], [[240, 180], white]]) {
      await is_colour(result, at, colour);
    }
  }
}, long);

check_if(lacks_tools, 'colours come out as they went in, whatever matrix they are in', async () => {
  const files = {
    bt709: await tagged('bt709', 'bt709'), smpte170m: await tagged('smpte170m', 'smpte170m'),
    bt2020nc: await tagged('bt2020nc', 'bt2020'),
    // Untagged and high: players take it for BT.709, and the small picture has to say so.
    untagged: await forged(quarters(...encoded('bt709', ':w=1280:h=960'))),
  };
  for (const [name, file] of Object.entries(files)) {
    const small = await video(file, { width: 160 });
    const seen = (await ffprobe(small)).video;
    assert.equal(seen.color_space, name === 'untagged' ? 'bt709' : name);
    for (const [at, colour] of [[[40, 30], red], [[120, 30], green], [[40, 90], blue],
                                [[120, 90], white]]) {
      await is_colour(small, at, colour);
    }
    const still = await made.make(file, [{ type: 'cover', width: 160 }]);
    await is_colour((await made.file(still.outputs[0])).file, [120, 30], green);
  }
}, long);

check_if(lacks_tools, 'full range becomes the usual range', async () => {
  const file = await forged(quarters('-vf', 'scale=out_range=pc,format=yuvj420p', '-c:v', 'libx264',
                                     '-crf', '6'));
  const result = await video(file, {});
  assert.notEqual((await ffprobe(result)).video.color_range, 'pc');
  await is_colour(result, [240, 180], white, { tolerance: 4 });
  await is_colour(result, [80, 60], red);
}, long);

// --- awkward shapes ---

check_if(lacks_tools, 'pixels that are not square become square', async () => {
  const file = await forged(quarters('-vf', 'setsar=2,format=yuv420p', '-c:v', 'libx264'));
  const result = await video(file, { width: 320 });
  const seen = await has_size(result, 320, 120);
  assert.ok([undefined, '1:1'].includes(seen.video.sample_aspect_ratio));
  // Percent and pixels are of what a viewer sees.
  const part = await video(file, { crop: { x: 320 } });
  await has_size(part, 320, 240);
  await is_colour(part, [160, 60], green);
}, long);

/// A copy of an MP4 whose picture is to be shown turned by a matrix [a, b, c, d].
function turned_by(file, matrix) {
  const bytes = Buffer.from(fs.readFileSync(file));
  const at = bytes.indexOf('tkhd') + 4 + 40;
  [[0, 0], [1, 1], [3, 2], [4, 3]].forEach(([place, i]) => {
    bytes.writeInt32BE(matrix[i] * 65536, at + place * 4);
  });
  return made.store(bytes, 'turned.mp4');
}

check_if(lacks_tools, 'a picture stored turned or mirrored is shown upright', async () => {
  const file = await forged(quarters(...encoded('bt601')), 'mp4');
  const shown = {
    '90': [[0, 1, -1, 0], [240, 320], [blue, red, white, green]],
    '270': [[0, -1, 1, 0], [240, 320], [green, white, red, blue]],
    'mirrored': [[-1, 0, 0, 1], [320, 240], [green, red, white, blue]],
    'upside down': [[1, 0, 0, -1], [320, 240], [blue, white, red, green]],
    'along the diagonal': [[0, 1, 1, 0], [240, 320], [red, blue, green, white]],
  };
  for (const [name, [matrix, [width, height], colours]] of Object.entries(shown)) {
    const result = await video(turned_by(file, matrix), {});
    await has_size(result, width, height);
    for (const [i, colour] of colours.entries()) {
      const place = [(width * (1 + 2 * (i % 2))) / 4, (height * (1 + 2 * (i >> 1))) / 4];
      await is_colour(result, place, colour).catch((error) => {
        throw new Error(`${name}: ${error.message}`);
      });
    }
  }
}, long);

check_if(lacks_tools, 'a source that changes its size in mid-stream keeps one size', async () => {
  const one = await forged([...quarters('-t', '1', ...encoded('bt601')), '-f', 'mpegts'], 'ts');
  const two = await forged([...quarters('-t', '1', ...encoded('bt601', ':w=640:h=480')),
                            '-output_ts_offset', '1', '-f', 'mpegts'], 'ts');
  const both = made.store(Buffer.concat([fs.readFileSync(one), fs.readFileSync(two)]), 'both.ts');
  const result = await video(both, { crop: { x: '50%' } });
  await has_size(result, 160, 240);
  assert.equal(Number((await ffprobe(result, { count: true })).video.nb_read_frames), 50);
  for (const at of [0.4, 1.6]) {
    await is_colour(result, [80, 60], green, { at });
    await is_colour(result, [80, 180], white, { at });
  }
}, long);

// --- watermarks ---

const logo = () => forged(['-f', 'lavfi', '-i', 'color=magenta:s=40x20,format=rgba', '-frames:v', '1'],
                          'png');
const magenta = [255, 0, 255];

check_if(lacks_tools, 'watermarks stand where, how large, how clear and as long as asked', async () => {
  const image = (await made.server.client.upload(fs.createReadStream(await logo()), 'logo.png')).input;
  const result = await video(await plain(), { watermarks: [
    { image, corner: 'top_left', x: 10, y: 20 },
    { image, corner: 'bottom_right', x: '5%', y: '10%', width: '25%', opacity: 0.5 },
    { image, corner: 'centre', x: 60, height: 40, start: 0.5, end: 1.2 },
  ] });
  await is_colour(result, [30, 30], magenta, { tolerance: 20 });
  await is_colour(result, [30, 10], red);
  await is_colour(result, [60, 30], red);
  await is_colour(result, [264, 196], [255, 128, 255], { tolerance: 20 });  // half of white
  await is_colour(result, [264, 170], white);
  await is_colour(result, [312, 196], white);
  await is_colour(result, [200, 132], white, { at: 0.2, side: 4 });
  await is_colour(result, [240, 130], magenta, { at: 0.8, tolerance: 20 });
  await is_colour(result, [240, 130], white, { at: 1.4 });
}, long);

check_if(lacks_tools, 'a watermark is fetched, lies on stills, and in HD has its true colour', async () => {
  const bytes = fs.readFileSync(await logo());
  const image = source.serve('/logo.png', 'ok', bytes, 'image/png');
  const file = await forged(quarters(...encoded('bt709', ':w=1280:h=960'), '-colorspace', 'bt709'));
  const task = await made.make(file, [
    { name: 'v', type: 'video', audio: false,
      video: { ...quick, codec: 'h265', pixel_depth: 10, width: 640,
               watermarks: [{ image, width: '20%' }] } },
    { name: 'c', type: 'cover', format: 'png', width: 320, watermarks: [{ image, width: '20%' }] },
  ]);
  assert.equal(source.requests_for('/logo.png').length, 1);
  await is_colour((await made.file(task.outputs[0])).file, [600, 30], magenta, { tolerance: 20 });
  await is_colour((await made.file(task.outputs[1])).file, [300, 15], magenta, { tolerance: 12 });
}, long);

check_if(lacks_tools, 'watermarks that cannot be had fail clearly', async () => {
  const outputs = (image) => [{ name: 'v', type: 'video', video: { ...quick,
                                                                  watermarks: [{ image }] } }];
  const input = (await made.server.client.upload(fs.createReadStream(await plain()), 'a.mkv')).input;
  for (const image of ['file-id:' + '0'.repeat(32), 'http://127.0.0.9/logo.png', '/etc/passwd']) {
    const answer = await made.server.client.raw('POST', '/api/v1/tasks', {
      body: { input, outputs: outputs(image) } });
    assert.ok([400, 422].includes(answer.status), `${image}: ${answer.status}`);
    assert.equal(answer.json().field, 'outputs');
  }
  const end = async (image) => {
    const { id } = await made.server.client.submit({ input, outputs: outputs(image),
                                                     max_attempts: 1 });
    return made.server.client.finished(id);
  };
  const gone = await end(source.serve('/gone.png', 404));
  assert.equal(gone.state, 'failed');
  assert.equal(gone.error.code, 'input_not_found');
  const text = source.serve('/text.png', 'ok', Buffer.from('not a picture'), 'image/png');
  const bad = await end(text);
  assert.equal(bad.outputs[0].error.code, 'not_media');
}, long);

// --- subtitles ---

const dark = () => forged(['-f', 'lavfi', '-i', 'color=0x202020:s=640x360:r=25:d=4,format=yuv420p',
                           '-c:v', 'libx264', '-crf', '10', '-preset', 'ultrafast']);
/// How light the lightest pixel of a part of the picture is.
async function lightest(file, at, crop) {
  const text = await told_by(file, `trim=${at}:${at + 0.03},crop=${crop},signalstats,metadata=print`);
  return Number(/YMAX=(\d+)/.exec(text)[1]);
}
const bottom = '640:90:0:270';
const top = '640:90:0:0';

async function subtitled(text, name, options = {}) {
  const file = source.serve(`/${name}`, 'ok', Buffer.from(text), 'text/plain');
  return video(await dark(), { ...quick, subtitles: { file, ...options } });
}

check_if(lacks_tools, 'SubRip and WebVTT are drawn while they are said', async () => {
  const files = {
    'a.srt': '1\n00:00:01,000 --> 00:00:02,000\nHello <i>world</i>\n\n' +
             '2\n00:00:03,000 --> 00:00:03,500\nλόγος, слово, 字幕, 자막, كلمة\n',
    'a.vtt': 'WEBVTT\n\n00:01.000 --> 00:02.000\nHello <i>world</i>\n\n' +
             '00:03.000 --> 00:03.500\nλόγος, слово, 字幕, 자막, كلمة\n',
  };
  for (const [name, text] of Object.entries(files)) {
    const result = await subtitled(text, name);
    for (const [at, seen] of [[0.5, false], [1.5, true], [2.5, false], [3.2, true], [3.8, false]]) {
      const light = await lightest(result, at, bottom);
      assert.ok(seen ? light > 200 : light < 60, `${name} at ${at}: ${light}`);
    }
    assert.ok((await lightest(result, 1.5, top)) < 60);
  }
}, long);

check_if(lacks_tools, 'ASS is drawn as it says, and a part of a source has its own lines', async () => {
  const ass = '[Script Info]\nScriptType: v4.00+\nPlayResX: 640\nPlayResY: 360\n\n[V4+ Styles]\n' +
    'Format: Name, Fontname, Fontsize, PrimaryColour, SecondaryColour, OutlineColour, BackColour, ' +
    'Bold, Italic, Underline, StrikeOut, ScaleX, ScaleY, Spacing, Angle, BorderStyle, Outline, ' +
    'Shadow, Alignment, MarginL, MarginR, MarginV, Encoding\n' +
    'Style: Box,No Such Font,60,&H0000FF00,&H00FFFFFF,&H0000FF00,&H0000FF00,1,0,0,0,100,100,0,0,' +
    '1,3,0,8,10,10,10,1\n\n[Events]\n' +
    'Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text\n' +
    'Dialogue: 0,0:00:02.00,0:00:03.00,Box,,0,0,0,,████████\n';
  const result = await subtitled(ass, 'a.ass');
  await is_colour(result, [320, 50], green, { at: 2.5, tolerance: 40 });
  await is_colour(result, [320, 50], [32, 32, 32], { at: 1.5 });
  const file = `http://${source.address}/a.ass`;
  const part = await video(await dark(), { ...quick, subtitles: { file } }, { start: 1.5, end: 3.5 });
  await is_colour(part, [320, 50], green, { at: 1, tolerance: 40 });
  await is_colour(part, [320, 50], [32, 32, 32], { at: 0.2 });
}, long);

check_if(lacks_tools, 'a text stream of the source is drawn, by language', async () => {
  const lines = (words) => made.store(Buffer.from(`1\n00:00:01,000 --> 00:00:02,000\n${words}\n`), 's.srt');
  const file = await forged(['-i', await dark(), '-i', lines('{\\an8}upper'), '-i', lines('lower'),
                             '-map', '0', '-map', '1', '-map', '2', '-c', 'copy', '-metadata:s:s:0',
                             'language=eng', '-metadata:s:s:1', 'language=deu']);
  const upper = await video(file, { subtitles: { language: 'en' } });
  assert.ok((await lightest(upper, 1.5, top)) > 200 && (await lightest(upper, 1.5, bottom)) < 60);
  const lower = await video(file, { subtitles: { stream: 1 } });
  assert.ok((await lightest(lower, 1.5, top)) < 60 && (await lightest(lower, 1.5, bottom)) > 200);
  const none = await made.make(file, [
    { name: 'v', type: 'video', video: { ...quick, subtitles: { language: 'fr' } } },
    { name: 'w', type: 'video', video: quick }]);
  assert.equal(none.outputs[0].error.code, 'unsupported');
}, long);
