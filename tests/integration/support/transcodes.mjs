// A server to transcode with, and what it made, fetched as a user would and kept for other tools.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, before } from 'node:test';
import { call } from './http.mjs';
import { md5 } from './media.mjs';
import { Server } from './server.mjs';
import { remove_folder, temp_folder } from './suite.mjs';

export function near(got, wanted, tolerance, what) {
  assert.ok(Math.abs(got - wanted) <= tolerance + 1e-6,
            `${what}: ${got}, not ${wanted} ± ${tolerance}`);
}

export async function load(url) {
  const answer = await call('GET', url);
  assert.equal(answer.status, 200, `${url}: ${answer.text.slice(0, 200)}`);
  return answer;
}

export class Transcodes {
  uploads = new Map();
  stored = 0;

  /// One for all the checks of a file: started before and closed after them.
  static for_all_checks() {
    const made = new Transcodes();
    before(() => made.start(), { timeout: 120_000 });
    after(() => made.close(), { timeout: 180_000 });
    return made;
  }

  /// `options` are the server's.
  async start(options = {}) {
    this.folder = temp_folder('transcodes');
    this.server = await Server.start(options);
    return this;
  }

  async close() {
    await this.server?.close();
    if (this.folder) remove_folder(this.folder);
  }

  /// The ended task of a file, or of several that follow each other.
  async make(from, outputs) {
    return this.server.client.done({ ...await this.source(from), outputs });
  }

  /// What a task says of its input. Each file is uploaded once.
  async source(from) {
    if (Array.isArray(from)) {
      const inputs = [];
      for (const file of from) inputs.push(await this.source(file));
      return { inputs };
    }
    if (!this.uploads.has(from)) {
      const stream = fs.createReadStream(from);
      this.uploads.set(from, (await this.server.client.upload(stream, path.basename(from))).input);
    }
    return { input: this.uploads.get(from) };
  }

  /// A copy on disk for the tools.
  store(bytes, name) {
    const file = path.join(this.folder, `${this.stored++}-${name}`);
    fs.writeFileSync(file, bytes);
    return file;
  }

  /// One of the output's files: its bytes, its type and a copy on disk.
  async file(output, index = 0) {
    assert.equal(output.state, 'succeeded', JSON.stringify(output.error));
    const { name, url, size, md5: sum } = output.files[index];
    const answer = await load(url);
    assert.equal(answer.body.length, size);
    assert.equal(md5(answer.body), sum);
    return {
      bytes: answer.body, type: answer.headers['content-type'],
      file: this.store(answer.body, path.basename(name)),
    };
  }

  /// The variants of an HLS output as a player would load them, each as one stored file.
  async hls(output) {
    assert.equal(output.state, 'succeeded', JSON.stringify(output.error));
    const master = (await load(output.url)).text;
    const variants = [];
    for (const found of master.matchAll(/#EXT-X-STREAM-INF:(.*)\n(.*)/g)) {
      const url = new URL(found[2], output.url).href;
      const { text } = await load(url);
      assert.match(text, /#EXT-X-ENDLIST\n$/);
      const map = /#EXT-X-MAP:URI="([^"]+)"/.exec(text);
      const segments = [];
      for (const row of text.matchAll(/#EXTINF:([\d.]+),\n(.*)/g)) {
        const place = new URL(row[2], url);
        segments.push({ seconds: Number(row[1]), name: path.basename(place.pathname),
                        ...(await load(place.href)) });
      }
      const init = map ? (await load(new URL(map[1], url).href)).body : Buffer.alloc(0);
      const whole = Buffer.concat([init, ...segments.map((s) => s.body)]);
      variants.push({ attributes: found[1], text, segments, init,
                      file: this.store(whole, map ? 'whole.mp4' : 'whole.ts') });
    }
    return variants;
  }
}
