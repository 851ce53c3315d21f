// Clips whose cuts are known: made of scenes of which nothing is left to chance, and shared ones
// that somebody looked at.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { clip } from './media.mjs';
import { random_from, temp_folder } from './suite.mjs';

/// Scenes that move in different ways and without leaps; `n` varies them.
const moving = [
  (n) => `testsrc2=SIZE:RATE,hue=h=${(n * 67) % 360}`,
  (n) => `testsrc=SIZE:RATE,negate,hue=h=${(n * 31) % 360},scroll=v=0.00${1 + (n % 5)}`,
  (n) => `gradients=SIZE:RATE:seed=${n}:speed=0.02`,
  (n) => `life=SIZE:RATE:seed=${n}:ratio=0.2:mold=8:life_color=${n % 2 ? 'orange' : 'cyan'}`,
  (n) => `rgbtestsrc=SIZE:RATE,rotate=${n},scroll=h=0.00${1 + (n % 8)}:v=0.002`,
  (n) => `smptehdbars=SIZE:RATE,rotate=${n}+0.3*t:c=gray`,
];
/// White pages with lines of `height` (of the page's) that differ from page to page.
const page = (height) => (n) => ['color=white:SIZE:RATE', ...[1, 2, 3, 4, 5, 6].map((row) =>
  `drawbox=x=iw*0.1:y=ih*0.${row + 1}:w=iw*0.${1 + ((n * (row + 3)) % 7)}:h=ih*${height}:` +
  `c=0x333333:t=fill`)].join(',');

/// What generators begin with, in pictures: some leap at first.
const skip = 25;

/// `cuts` are seconds; `between` joins the scenes by a cross-fade of a second instead of a cut.
function build(name, { size, rate, scenes, seed, grain = 0, crf = 23, fade = false, look }) {
  const random = random_from(seed);
  const parts = [];
  const cuts = [];
  let at = 0;
  for (let i = 0; i < scenes; i++) {
    const frames = Math.round((fade ? 2.5 : 0.8 + 2 * random()) * rate);
    const text = look(i, Math.floor(random() * 1000)).replace('SIZE', `s=${size}`)
      .replace('RATE', `r=${rate}`);
    const noise = grain ? `,noise=alls=${grain}:allf=t` : '';
    parts.push(`${text},trim=start_frame=${skip}:end_frame=${skip + frames},` +
               `setpts=PTS-STARTPTS,format=yuv420p,setsar=1${noise}[s${i}]`);
    at += frames / rate;
    if (i + 1 < scenes && !fade) cuts.push(at);
  }
  const all = parts.map((_, i) => `[s${i}]`).join('');
  let joined = `${all}concat=n=${scenes}:v=1:a=0[v]`;
  if (fade) {
    joined = parts.slice(1).map((_, i) =>
      `[${i === 0 ? 's0' : `x${i}`}][s${i + 1}]xfade=duration=1:offset=${1.5 * (i + 1)}` +
      `[${i + 2 === scenes ? 'v' : `x${i + 1}`}]`).join(';');
  }
  const file = path.join(temp_folder('shots'), `${name.replace(/\W+/g, '-')}.mp4`);
  const made = spawnSync('ffmpeg', ['-nostdin', '-v', 'error', '-y', '-filter_complex',
    [...parts, joined].join(';'), '-map', '[v]', '-c:v', 'libx264', '-preset', 'superfast',
    '-crf', String(crf), file]);
  assert.equal(made.status, 0, made.stderr.toString());
  return { name, file, cuts };
}

const mixed = (i, n) => moving[(i + (n % 2) * 3) % moving.length](n);

export const made_clips = () => [
  build('moving scenes, 360p25', { size: '640x360', rate: 25, scenes: 12, seed: 1, look: mixed }),
  build('with grain, 480p30', { size: '640x480', rate: 30, scenes: 12, seed: 2, grain: 18,
                                look: mixed }),
  build('hard pressed, portrait', { size: '360x640', rate: 24, scenes: 12, seed: 3, crf: 36,
                                    look: mixed }),
  build('one kind of scene', { size: '640x360', rate: 25, scenes: 10, seed: 4,
                               look: (i, n) => moving[2](n + i) }),
  build('full white pages', { size: '640x360', rate: 25, scenes: 10, seed: 5,
                              look: (i) => page(0.08)(3 * i + 1) }),
  build('cross-fades, no cut', { size: '640x360', rate: 25, scenes: 6, seed: 6, fade: true,
                                 look: mixed }),
];

/// Pages that change less than any page of the shared slides does: what the rule leaves out.
export const faint_clips = () => [
  build('sparse white pages', { size: '640x360', rate: 25, scenes: 10, seed: 5,
                                look: (i) => page(0.02)(3 * i + 1) }),
];

/// Fractals whose view leaps to and fro: each leap looks like a cut.
const leaping = (i, n) => `sierpinski=SIZE:RATE:seed=${n}:type=carpet:jump=40`;
export const leaping_clips = () => [
  build('leaping scenes', { size: '640x360', rate: 25, scenes: 10, seed: 7, look: leaping }),
];

const shared = {
  'bbb-1080p24.mp4': [3.824, 11.116],
  'multi-audio-subs.mkv': [3.854, 11.146],
  'slides-720p25.mp4': [4, 8, 12],
  'vfr-720p.mp4': [9.8, 11.433],
  'interlaced-576i25.ts': [],
  'two-speakers-720p25.webm': [],
  'face-sign-480p30.mkv': [],
  'coffee-720p30.mp4': [],
  'butterfly-720p30.mp4': [],
  'av1-cups-720p30.webm': [],
  'phone-portrait-1080x1916.mp4': [],
  'phone-rotated-1276x720.mp4': [],
  'hdr10-hevc10-1080p.mp4': [],
  'odd-161x121.webm': [],
};
export const shared_clips = () =>
  Object.entries(shared).map(([name, cuts]) => ({ name, file: clip(name), cuts }));
