// Long sources in containers without an index are encoded in segments as well: places in the file
// are noted while all of it is read. What comes out is compared with one pass.
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { clip, forged, lacks_clips, lacks_tools } from './support/media.mjs';
import { same_in_segments, video } from './support/segments.mjs';
import { check_if, remove_folder, temp_folder } from './support/suite.mjs';

const lacks = lacks_clips ?? lacks_tools;
const source = lacks ? null : clip('bbb-1080p24.mp4'); // a keyframe every 2 s, for 12 s
const wanted = [{ name: 'v', type: 'video', audio: {}, video: video({ short_side: 180, crf: 14 }) }];
const small = ['-i', source, '-vf', 'scale=320:180'];
const x264 = (...more) => [...small, '-c:v', 'libx264', '-preset', 'veryfast', '-crf', '14', '-g', '24',
  '-bf', '3', '-c:a', 'aac', ...more];
const fields = ['-i', source, '-vf', 'scale=320:180,setpts=PTS/2,fps=50,tinterlace=interleave_top',
  '-flags', '+ildct+ilme', '-c:v', 'mpeg2video', '-g', '12', '-bf', '2', '-q:v', '3', '-c:a', 'mp2'];
const film = ['-i', source, '-vf', 'scale=320:180,setpts=N*1001/24000/TB,fps=24000/1001,telecine',
  '-flags', '+ildct+ilme', '-c:v', 'mpeg2video', '-g', '15', '-bf', '2', '-q:v', '2', '-c:a', 'ac3'];

const streams = [
  ['H.264 as broadcast', 'ts', x264()],
  ['H.264 in open groups', 'ts', x264('-x264-params', 'open-gop=1')],
  ['H.264 in Blu-ray packets', 'm2ts', x264('-mpegts_m2ts_mode', '1')],
  ['H.265 in open groups', 'ts', [...small, '-c:v', 'libx265', '-preset', 'ultrafast', '-crf', '14',
    '-g', '24', '-x265-params', 'open-gop=1:log-level=error', '-c:a', 'aac']],
  ['MPEG-2 in fields', 'ts', fields],
  ['a program stream', 'vob', fields],
  ['film in fields', 'vob', film],
  ['MPEG-2 with large packets', 'ts', [...fields, '-mpegts_flags', '+initial_discontinuity',
    '-pes_payload_size', '60000']],
  ['Flash video', 'flv', x264(), { rounds: 0.0011 }],
  ['Ogg', 'ogv', [...small, '-c:v', 'libtheora', '-q:v', '9', '-g', '24', '-c:a', 'libvorbis']],
];
for (const [what, kind, args, options] of streams) {
  check_if(lacks, `segments of streams: ${what}`, async () => {
    await same_in_segments(await forged(args, kind), wanted, options);
  });
}

check_if(lacks, 'segments of streams: parts, and what depends on the pictures around', async () => {
  const part = (name, start, end, options) => ({ name, type: 'video', start, end, audio: {},
    video: video({ short_side: 120, crf: 14, ...options }) });
  await same_in_segments(await forged(x264(), 'ts'), [part('early', 0.5, 3.25),
    part('late', 8.1, 11.6), part('later', 9, 0, { frame_rate: 10 })], { units: 5 });
  await same_in_segments(await forged(x264(), 'ts'), [part('late', 8.1, 11.6)], { units: 5 });
});

/// Recordings one behind another, byte by byte; each is [seconds, where its clock begins, by how
/// much its sound comes before its pictures].
async function spliced(folder, pieces) {
  const file = path.join(folder, 'spliced.ts');
  for (const [seconds, at, lead = 0] of pieces) {
    const led = lead > 0 ? ['-itsoffset', String(lead), '-i', source, '-map', '1:v', '-map', '0:a'] : [];
    const [, , ...encoded] = x264('-t', String(seconds), '-output_ts_offset', String(at));
    const piece = await forged(['-i', source, ...led, ...encoded], 'ts');
    fs.appendFileSync(file, fs.readFileSync(piece));
  }
  return file;
}

const leaps = { forwards: [[5, 10], [5.5, 5000]], backwards: [[4.2, 5000], [9, 10]],
                often: [[3, 100], [3.1, 9000], [4.3, 40], [5, 70_000]], little: [[6, 20], [8, 20]],
                wrapped: [[11, 2 ** 33 / 90_000 - 5]], sound_first: [[5, 10], [4, 5000, 0.4], [5, 90, 0.4]] };
for (const [how, pieces] of Object.entries(leaps)) {
  check_if(lacks, `segments of streams: a clock that is set anew, ${how}`, async () => {
    const folder = temp_folder('spliced');
    try {
      await same_in_segments(await spliced(folder, pieces), wanted);
    } finally {
      remove_folder(folder);
    }
  });
}

/// `file` with the middle of its keyframes overwritten, but for the first.
function torn(file, folder) {
  const places = JSON.parse(execFileSync('ffprobe', ['-v', 'error', '-select_streams', 'v',
    '-show_entries', 'packet=pos,size,flags', '-of', 'json', file])).packets
    .filter((packet) => packet.flags.startsWith('K')).slice(1);
  const bytes = fs.readFileSync(file);
  for (const { pos, size } of places.filter((_, i) => i % 2 === 0)) {
    // Whole packets of a transport stream, so that it stays one.
    const middle = Number(pos) + Math.floor(Number(size) / 3 / 188) * 188;
    const is_stream = file.endsWith('.ts');
    bytes.fill(is_stream ? 0xff : 0x55, middle + (is_stream ? 4 : 0), middle + 184);
  }
  const broken = path.join(folder, `torn${path.extname(file)}`);
  fs.writeFileSync(broken, bytes);
  return broken;
}

for (const kind of ['ts', 'mp4']) {
  check_if(lacks, `segments of ${kind} never begin with a picture that is damaged`, async () => {
    const folder = temp_folder('torn');
    try {
      const broken = torn(await forged(x264('-x264-params', 'slices=1'), kind), folder);
      // What a decoder makes up depends on its threads as well; a group that is lost is below 0.7.
      await same_in_segments(broken, wanted, { units: 4, least: 0.85 });
    } finally {
      remove_folder(folder);
    }
  });
}

for (const kind of ['ts', 'mp4', 'mkv']) {
  check_if(lacks, `segments of ${kind} never begin with a picture that is not whole yet`, async () => {
    await same_in_segments(await forged(x264('-x264-params', 'intra-refresh=1:bframes=0'), kind),
      wanted, { units: 1 });
  });
}

check_if(lacks, 'segments of streams: sources that are joined', async () => {
  const pieces = [await forged(x264(), 'ts'), await forged(fields, 'vob'),
                  await forged([...x264('-r', '30'), '-s', '480x480'], 'flv')];
  await same_in_segments(pieces, wanted, { segment: '2s', units: 20, rounds: 0.0011 });
});
