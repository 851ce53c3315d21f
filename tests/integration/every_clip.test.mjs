// Every sample clip through every kind of output, each looked at with a tool that is not ours.
import assert from 'node:assert/strict';
import {
  assert_decodes, clip, ffprobe, jpeg_size, lacks_clips, lacks_tools,
} from './support/media.mjs';
import { check_if } from './support/suite.mjs';
import { Transcodes, load, near } from './support/transcodes.mjs';

const long = { timeout: 900_000 };
const made = Transcodes.for_all_checks();
const lacks = lacks_clips ?? lacks_tools;

// What a viewer sees and hears, as the sample folder's README has it. `late`: s by which the
// pictures begin behind the sound; `rate`: pictures a second at the start.
const mono = { channels: 1 };
const stereo = { channels: 2 };
const clips = {
  'bbb-1080p24.mp4': { size: [1920, 1080], frames: 288, seconds: 12, late: 0.074, sound: stereo },
  'butterfly-720p30.mp4': { size: [1280, 720], frames: 226, seconds: 7.54, sound: stereo },
  'coffee-720p30.mp4': { size: [1280, 720], frames: 287, seconds: 9.58, sound: stereo },
  'two-speakers-720p25.webm': { size: [1280, 720], frames: 300, seconds: 12 },
  'face-sign-480p30.mkv': { size: [640, 480], frames: 109, seconds: 3.63 },
  'face.png': { size: [512, 512], frames: 1, seconds: 0.04 },
  'phone-portrait-1080x1916.mp4': { size: [1080, 1916], frames: 180, seconds: 6 },
  'phone-rotated-1276x720.mp4': { size: [720, 1276], frames: 180, seconds: 6, sound: mono },
  'slides-720p25.mp4': { size: [1280, 720], frames: 400, seconds: 16, sound: mono },
  'vfr-720p.mp4': { size: [1280, 720], frames: 212, seconds: 12, rate: 30 },
  'interlaced-576i25.ts': { size: [1024, 576], frames: 125, seconds: 5, sound: mono },
  'hdr10-hevc10-1080p.mp4': { size: [1920, 1080], frames: 28, seconds: 1.02, sound: stereo,
                              hdr: true },
  'av1-cups-720p30.webm': { size: [1280, 720], frames: 300, seconds: 10, sound: stereo },
  'odd-161x121.webm': { size: [161, 121], frames: 30, seconds: 1 },
  'multi-audio-subs.mkv': { size: [640, 360], frames: 286, seconds: 12, sound: stereo },
  'audio-only.m4a': { seconds: 12.01, sound: stereo },
};

const side = 120;
const small = { short_side: side, preset: 'ultrafast' };
const picture = (options) => ({ ...small, ...options });
const files = [
  { name: 'mp4', video: small },
  { name: 'fragments', fragmented: true, video: small },
  { name: 'deep', video: picture({ codec: 'h265', pixel_depth: 10 }), audio: { codec: 'opus' } },
  { name: 'webm', container: 'webm', video: picture({ codec: 'vp9' }) },
  { name: 'mkv', container: 'mkv', video: picture({ codec: 'av1' }), audio: { codec: 'flac' } },
  { name: 'ts', container: 'ts', video: small, audio: { codec: 'mp3' } },
  { name: 'flv', container: 'flv', video: small },
].map((output) => ({ type: 'video', ...output }));
/// What is in them: pictures and sound.
const codecs = {
  mp4: ['h264', 'aac'], fragments: ['h264', 'aac'], deep: ['hevc', 'opus'], webm: ['vp9', 'opus'],
  mkv: ['av1', 'flac'], ts: ['h264', 'mp3'], flv: ['h264', 'aac'],
};
const ladders = [
  { name: 'fmp4', manifests: ['hls', 'dash'] }, { name: 'segments', segments: 'ts' },
].map((output) => ({
  type: 'hls', segment: 4, renditions: [{ name: 'a', video: small }], ...output }));
const moving = ['gif', 'webp'].map((container) => ({
  type: 'video', name: container, container, video: { short_side: side, max_frame_rate: 10 } }));
const sounds = { m4a: 'aac', mp3: 'mp3', ogg: 'opus', flac: 'flac' };
const heard = Object.keys(sounds).map((container) => ({
  type: 'video', name: container, container }));
const stills = [
  { type: 'cover', name: 'first', at: 0, short_side: side },
  { type: 'cover', name: 'best', at: 'best', format: 'png', short_side: side },
  { type: 'snapshots', name: 'moments', times: [0, 0.5, 99_999], short_side: side },
  { type: 'snapshots', name: 'sampled', every_percent: 25, short_side: side },
  { type: 'sprites', name: 'sheet', every: 1, columns: 4, rows: 4 },
];
const copied = { video: { codec: 'copy' }, audio: { codec: 'copy' } };
const parts = [
  { type: 'video', name: 'copy', container: 'mkv', ...copied },
  { type: 'video', name: 'part', start: 0.2, end: 0.7, video: small },
  { type: 'video', name: 'cut', container: 'mkv', start: 0.2, end: 0.7, ...copied },
];

/// The size that a source comes out with at the short side asked for.
function assert_size([width, height], source, what) {
  const [wide, high] = source.size;
  const scale = Math.min(1, side / Math.min(wide, high));
  near(width, wide * scale, 1, `${what}: width`);
  near(height, high * scale, 1, `${what}: height`);
  assert.equal(width % 2 + height % 2, 0, `${what}: even sides`);
}

function assert_colours(seen, source, name, before) {
  const is_deep = name === 'deep';
  assert.equal(seen.pix_fmt, is_deep ? 'yuv420p10le' : 'yuv420p', name);
  assert.ok([undefined, 'tv'].includes(seen.color_range), `${name}: ${seen.color_range}`);
  if (source.hdr) {
    assert.equal(seen.color_transfer, is_deep ? 'smpte2084' : 'bt709', name);
    assert.equal(seen.color_primaries, is_deep ? 'bt2020' : 'bt709', name);
    assert.equal(seen.color_space, is_deep ? 'bt2020nc' : 'bt709', name);
  } else if (before.color_space && before.color_space !== 'gbr') {
    assert.equal(seen.color_space, before.color_space, `${name}: colours`);
    assert.equal(seen.color_transfer, before.color_transfer, `${name}: colours`);
  } else if (Math.max(...source.size) >= 1080) {
    assert.equal(seen.color_space, 'bt709', `${name}: what players take such pictures for is said`);
  }
}

function assert_pictures(seen, source, name, before) {
  assert_size([seen.width, seen.height], source, name);
  assert.equal(Number(seen.nb_read_frames), source.frames, `${name}: frames`);
  assert.equal(seen.sample_aspect_ratio, '1:1', name);
  assert.ok([undefined, 'progressive'].includes(seen.field_order), `${name}: ${seen.field_order}`);
  const turned = seen.side_data_list?.some((data) => data.rotation);
  assert.ok(!turned, `${name}: upright`);
  assert_colours(seen, source, name, before);
}

function assert_sound(seen, source, name, codec) {
  assert.equal(seen.codec_name, codec, name);
  assert.equal(seen.channels, source.sound.channels, `${name}: channels`);
  assert.equal(seen.channel_layout, source.sound.channels === 1 ? 'mono' : 'stereo', name);
  assert.equal(Number(seen.sample_rate), 48_000, `${name}: sample rate`);
}

/// One file with all there is of a source.
async function assert_whole(file, source, name, before, [video, sound]) {
  const seen = await ffprobe(file, { count: true });
  if (source.frames && video) {
    assert.equal(seen.video.codec_name, video, name);
    assert_pictures(seen.video, source, name, before.video);
  } else {
    assert.equal(seen.video, null, `${name}: no pictures`);
  }
  if (source.sound)
    assert_sound(seen.audio, source, name, sound);
  else
    assert.equal(seen.audio, null, `${name}: no sound`);
  // ffprobe knows no length of a single picture in a transport stream.
  const length = Number(seen.format.duration);
  const late = video ? source.late ?? 0 : 0;
  if (source.frames !== 1) near(length, source.seconds + late, 0.075, `${name}: duration`);
  await assert_decodes(file);
}

/// Half a second out of a source, encoded anew or only at its ends.
async function assert_part(file, source, name) {
  const seen = await ffprobe(file, { count: true });
  near(Number(seen.format.duration), 0.5, 0.05, `${name}: duration`);
  if (source.frames > 1) {
    const rate = source.rate ?? source.frames / source.seconds;
    near(Number(seen.video.nb_read_frames), rate / 2, 1, `${name}: frames`);
  }
  await assert_decodes(file);
}

async function assert_moving(output, source) {
  const { bytes, file } = await made.file(output);
  if (output.name === 'gif') {
    const seen = await ffprobe(file, { count: true });
    assert_size([seen.video.width, seen.video.height], source, 'gif');
    near(Number(seen.video.nb_read_frames), Math.min(source.frames, source.seconds * 10),
         source.seconds + 1, 'gif: frames');
    return assert_decodes(file);
  }
  assert.equal(bytes.toString('latin1', 8, 12), 'WEBP');
  // Of several pictures, the canvas' header says the size; ffprobe 5.1 reads but single ones.
  if (bytes.toString('latin1', 12, 16) === 'VP8X') {
    assert_size([bytes.readUIntLE(24, 3) + 1, bytes.readUIntLE(27, 3) + 1], source, 'webp');
    // Pictures that are alike are one, which is shown longer.
    let shown = 0;
    for (let at = bytes.indexOf('ANMF'); at >= 0; at = bytes.indexOf('ANMF', at + 4)) {
      shown += bytes.readUIntLE(at + 8 + 12, 3) / 1000;
    }
    near(shown, source.seconds, 0.15, 'webp: duration');
  } else {
    assert.equal(source.frames, 1, 'webp');
  }
}

async function assert_stills(output, source, seconds) {
  const counts = { first: 1, best: 1, moments: 3,
                   sampled: source.frames === 1 ? 1 : 4,
                   sheet: 1 + Math.ceil(Math.max(1, Math.ceil(seconds)) / 16) };
  assert.equal(output.files.length, counts[output.name], output.name);
  const is_sheet = output.name === 'sheet';
  for (let i = is_sheet ? 1 : 0; i < output.files.length; i++) {
    const { bytes, file } = await made.file(output, i);
    if (output.name === 'best') {
      const { video } = await ffprobe(file);
      assert_size([video.width, video.height], source, 'best');
    } else {
      const { width, height } = jpeg_size(bytes);
      if (is_sheet) assert.equal(width % 160 + height % 90, 0, 'sheet');
      else assert_size([width, height], source, output.name);
    }
    await assert_decodes(file);
  }
}

async function assert_ladder(output, source, before) {
  const variants = await made.hls(output);
  assert.equal(variants.length, 1);
  const { file, segments } = variants[0];
  const total = segments.reduce((sum, segment) => sum + segment.seconds, 0);
  near(total, source.seconds + (source.late ?? 0), 0.075, `${output.name}: segments`);
  const seen = await ffprobe(file, { count: true });
  if (source.frames) assert_pictures(seen.video, source, output.name, before.video);
  const has_sound = source.sound && output.name === 'segments'; // elsewhere it lies apart
  if (has_sound) assert_sound(seen.audio, source, output.name, 'aac');
  await assert_decodes(file);
  const dash = output.files.find((one) => one.name.endsWith('.mpd'));
  assert.equal(dash !== undefined, output.name === 'fmp4');
  if (dash) assert.match((await load(dash.url)).text, /<AdaptationSet/);
}

async function assert_copy(output, source, before) {
  const { file } = await made.file(output);
  const seen = await ffprobe(file, { count: true });
  if (source.frames) {
    assert.equal(seen.video.codec_name, before.video.codec_name, 'copy');
    assert.deepEqual([seen.video.width, seen.video.height],
                     [before.video.width, before.video.height], 'copy');
    assert.equal(Number(seen.video.nb_read_frames), source.frames, 'copy: frames');
  }
  if (source.sound) assert.equal(seen.audio.codec_name, before.audio.codec_name, 'copy');
  await assert_decodes(file);
}

/// Why this source has nothing for an output, or null.
function refusal(output, name, source) {
  if (Object.hasOwn(sounds, output.name) && !source.sound) return /the source has no sound/;
  const is_copy = output.name === 'copy' || output.name === 'cut';
  return is_copy && name.endsWith('.png') ? /matroska cannot hold png/ : null;
}

async function look_at(output, source, before, seconds) {
  const what = output.name;
  const file = async () => (await made.file(output)).file;
  if (output.type === 'hls') return assert_ladder(output, source, before);
  if (output.type !== 'video') return assert_stills(output, source, seconds);
  if (codecs[what]) return assert_whole(await file(), source, what, before, codecs[what]);
  if (sounds[what]) return assert_whole(await file(), source, what, before, [null, sounds[what]]);
  if (what === 'copy') return assert_copy(output, source, before);
  if (what === 'part' || what === 'cut') return assert_part(await file(), source, what);
  return assert_moving(output, source);
}

for (const [name, source] of Object.entries(clips)) {
  check_if(lacks, `${name} comes out right in every form`, async () => {
    const before = await ffprobe(clip(name));
    const wanted = [...files, ...ladders, ...heard, ...parts];
    if (source.frames) wanted.push(...moving, ...stills);
    const task = await made.make(clip(name), wanted);
    for (const output of task.outputs) {
      const why_not = refusal(output, name, source);
      if (why_not) {
        assert.equal(output.state, 'failed', output.name);
        assert.match(output.error.message, why_not);
        continue;
      }
      assert.equal(output.state, 'succeeded', `${output.name}: ${JSON.stringify(output.error)}`);
      // Matroska as libav 5.1 writes it does not say how a copied picture is to be turned.
      const turned = name.startsWith('phone-rotated') && ['copy', 'cut'].includes(output.name);
      assert.equal(output.notes?.some((note) => /turned/.test(note)) ?? false, turned, output.name);
      await look_at(output, source, before, task.source.duration / 1000);
    }
  }, long);
}
