// A browser with players in it, and what stands between them and what they play: nothing.
import fs from 'node:fs';
import http from 'node:http';
import { createRequire } from 'node:module';
import { until } from './suite.mjs';

const require = createRequire(import.meta.url);
const program = process.env.CHROMIUM || '/usr/bin/chromium';

function file_of(name) {
  try {
    return require.resolve(name);
  } catch (error) {
    if (error.code !== 'MODULE_NOT_FOUND') throw error;
    return null;
  }
}
const scripts = {
  '/hls.js': file_of('hls.js'),
  '/dash.js': file_of('dashjs'),
};
const playwright = file_of('playwright-core');

/// Why nothing can be played, or null.
export const lacks_players =
  !fs.existsSync(program) ? `there is no ${program} (Debian package chromium)`
  : !playwright || Object.values(scripts).includes(null)
    ? 'its npm packages are not installed (see README.md)' : null;

const page_text = `<!doctype html><meta charset="utf-8"><title>players</title>
<style>body{margin:0;background:#333}video{width:640px;height:360px}</style>
<video playsinline></video>
<script src="/hls.js"></script><script src="/dash.js"></script>
<script>
const video = document.querySelector('video');
const troubles = [];
const buffers = {};
const { addSourceBuffer } = MediaSource.prototype;
MediaSource.prototype.addSourceBuffer = function (type) {
  return (buffers[type.split('/')[0]] = addSourceBuffer.call(this, type));
};
video.onerror = () => troubles.push('video: ' + video.error.message);
const players = {
  hls(url) {
    window.hls = new Hls({ enableWorker: false });
    hls.on(Hls.Events.ERROR, (_, data) => {
      if (data.fatal) troubles.push('hls.js: ' + data.type + ' ' + data.details + ' ' + data.reason);
    });
    hls.loadSource(url);
    hls.attachMedia(video);
    video.play();
  },
  dash(url) {
    window.dash = dashjs.MediaPlayer().create();
    dash.updateSettings({ streaming: { text: { defaultEnabled: false } } });
    dash.on(dashjs.MediaPlayer.events.ERROR, (e) =>
      troubles.push('dash.js: ' + (e.error.message || JSON.stringify(e.error))));
    dash.initialize(video, url, true);
  },
  file(url) {
    video.src = url;
    video.play();
  },
};
const words = (list) => [...video.textTracks].filter((t) => t.mode === 'showing')
  .flatMap((t) => [...(t[list] ?? [])].map((c) => c.text));
const state = () => ({
  at: video.currentTime, duration: video.duration, width: video.videoWidth,
  height: video.videoHeight, paused: video.paused, troubles,
  frames: video.getVideoPlaybackQuality().totalVideoFrames,
  sound: video.webkitAudioDecodedByteCount,
  ends: Object.fromEntries(Object.entries(buffers).map(
    ([kind, { buffered }]) => [kind, buffered.length > 0 ? buffered.end(buffered.length - 1) : 0])),
  cues: words('activeCues'), all_cues: words('cues'),
});
</script>`;

export class Browser {
  static async start() {
    const made = new Browser();
    made.web = http.createServer((request, response) => {
      const script = scripts[request.url];
      response.setHeader('content-type', script ? 'text/javascript' : 'text/html');
      response.end(script ? fs.readFileSync(script) : page_text);
    });
    await new Promise((done) => made.web.listen(0, '127.0.0.1', done));
    made.program = await require('playwright-core').chromium.launch({
      executablePath: program,
      args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
             '--disable-background-networking', '--disable-component-update', '--disable-sync',
             '--autoplay-policy=no-user-gesture-required'],
    });
    return made;
  }

  async close() {
    await this.program?.close();
    await new Promise((done) => this.web.close(done));
  }

  /// A page in which `player` ("hls", "dash", or "file" for the browser's own) plays the URL.
  async play(player, url) {
    const page = await this.program.newPage({ viewport: { width: 640, height: 360 } });
    await page.goto(`http://127.0.0.1:${this.web.address().port}/`);
    await page.evaluate(([name, place]) => players[name](place), [player, url]);
    return new Playing(page, player);
  }
}

/// A player at work.
class Playing {
  constructor(page, player) {
    this.page = page;
    this.player = player;
  }

  close() {
    return this.page.close();
  }

  state() {
    return this.page.evaluate(() => state());
  }

  run(body, argument) {
    return this.page.evaluate(body, argument);
  }

  /// The state once `wish` holds of it; what the player complains of is a failure at once.
  async until(what, wish) {
    let last = null;
    try {
      return await until(`${this.player}: ${what}`, async () => {
        last = await this.state();
        if (last.troubles.length > 0) return last;
        return wish(last) ? last : null;
      }).then((seen) => {
        if (seen.troubles.length > 0) throw new Error(seen.troubles.join('; '));
        return seen;
      });
    } catch (error) {
      throw new Error(`${error.message}; last seen: ${JSON.stringify(last)}`);
    }
  }

  /// Plays on from `seconds`.
  async seek(seconds) {
    await this.run((to) => { video.currentTime = to; return video.play(); }, seconds);
    return this.until(`playing on from ${seconds} s`,
                      (s) => s.at > seconds + 0.3 && s.at < seconds + 4);
  }

  screenshot(file) {
    return this.page.screenshot({ path: file });
  }
}
