// The gateway form as its clients write it.
import assert from 'node:assert/strict';
import zlib from 'node:zlib';
import { until } from './suite.mjs';

export class Gateway {
  constructor(client) {
    this.client = client;
  }

  raw(method, path, options) {
    return this.client.raw(method, path, options);
  }

  async create(body, { headers = {}, path = '/google/v1/models/veo/videos' } = {}) {
    const answer = await this.raw('POST', path, { body, headers });
    assert.equal(answer.status, 200, answer.text);
    const envelope = answer.json();
    assert.deepEqual(Object.keys(envelope), ['code', 'message', 'data']);
    assert.equal(envelope.code, 'success');
    assert.match(envelope.data, /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
    return envelope.data;
  }

  async query(id) {
    const answer = await this.raw('GET', `/google/v1/tasks/${id}`,
                                  { headers: { 'Content-Type': 'application/json' } });
    assert.equal(answer.status, 200, answer.text);
    return answer.json().data;
  }

  /// Polls as clients do, and checks that nothing ever goes back.
  async finished(id, { guard = 240_000, seen = [] } = {}) {
    const order = ['NOT_START', 'SUBMITTED', 'IN_PROGRESS', 'SUCCESS', 'FAILURE'];
    let last = { status: 'NOT_START', percent: 0 };
    return until(`the end of ${id}`, async () => {
      const task = await this.query(id).catch((error) => {
        if (/ECONN|socket hang up|broke off/.test(String(error))) return null;
        throw error;
      });
      if (!task) return null;
      const percent = Number(task.progress.replace('%', ''));
      assert.ok(order.indexOf(task.status) >= order.indexOf(last.status),
                `${task.status} after ${last.status}`);
      assert.ok(percent >= last.percent, `${percent} % after ${last.percent} %`);
      const final = ['SUCCESS', 'FAILURE'].includes(task.status);
      assert.equal(percent === 100, final, '100 % appears with the end only');
      last = { status: task.status, percent };
      if (seen.at(-1) !== task.status) seen.push(task.status);
      return final ? task : null;
    }, { guard, every: 40 });
  }

  async succeeded(id, options) {
    const task = await this.finished(id, options);
    assert.equal(task.status, 'SUCCESS', task.fail_reason);
    assert.equal(task.data.status, 'completed');
    assert.equal(task.fail_reason, '');
    return task;
  }

  async failed(id, reason, options) {
    const task = await this.finished(id, options);
    assert.equal(task.status, 'FAILURE');
    assert.equal(task.data.status, 'failed');
    assert.equal(task.data.video_url, '');
    assert.match(task.fail_reason, reason);
    assert.doesNotMatch(task.fail_reason, /https?:/);
    return task;
  }
}

const crc_table = Array.from({ length: 256 }, (_, n) => {
  let c = n;
  for (let k = 0; k < 8; k++) c = c & 1 ? 0xedb88320 ^ (c >>> 1) : c >>> 1;
  return c >>> 0;
});
const crc32 = (bytes) =>
  (~bytes.reduce((crc, byte) => crc_table[(crc ^ byte) & 0xff] ^ (crc >>> 8), ~0)) >>> 0;

/// A PNG of one colour.
export function png(width, height, [red, green, blue] = [200, 80, 40]) {
  const chunk = (name, data) => {
    const body = Buffer.concat([Buffer.from(name, 'latin1'), data]);
    const out = Buffer.alloc(body.length + 8);
    out.writeUInt32BE(data.length, 0);
    body.copy(out, 4);
    out.writeUInt32BE(crc32(body), body.length + 4);
    return out;
  };
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, 2, 0, 0, 0], 8);
  const line = Buffer.alloc(1 + width * 3);
  for (let x = 0; x < width; x++) line.set([red, green, blue], 1 + x * 3);
  const pixels = zlib.deflateSync(Buffer.concat(Array(height).fill(line)));
  return Buffer.concat([Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'), chunk('IHDR', header),
                        chunk('IDAT', pixels), chunk('IEND', Buffer.alloc(0))]);
}
