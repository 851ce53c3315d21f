// A reader of workbooks that knows just what ours are made of: a zip of XML with inline strings.
import assert from 'node:assert/strict';
import zlib from 'node:zlib';

/// The files of a zip, by name.
export function unzip(bytes) {
  const end = bytes.lastIndexOf(Buffer.from('PK\x05\x06', 'latin1'));
  assert.ok(end >= 0, 'a zip has an end record');
  const files = new Map();
  let at = bytes.readUInt32LE(end + 16);
  for (let left = bytes.readUInt16LE(end + 10); left > 0; left -= 1) {
    assert.equal(bytes.readUInt32LE(at), 0x02014b50, 'an entry of the directory');
    const method = bytes.readUInt16LE(at + 10);
    const size = bytes.readUInt32LE(at + 20);
    const name_size = bytes.readUInt16LE(at + 28);
    const name = bytes.toString('utf8', at + 46, at + 46 + name_size);
    const local = bytes.readUInt32LE(at + 42);
    const start = local + 30 + bytes.readUInt16LE(local + 26) + bytes.readUInt16LE(local + 28);
    const packed = bytes.subarray(start, start + size);
    files.set(name, method === 0 ? packed : zlib.inflateRawSync(packed));
    at += 46 + name_size + bytes.readUInt16LE(at + 30) + bytes.readUInt16LE(at + 32);
  }
  return files;
}

const entities = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };
function plain(xml) {
  return xml
    .replace(/&#(\d+);/g, (_, code) => String.fromCharCode(code))
    .replace(/&(\w+);/g, (whole, name) => entities[name] ?? whole)
    .replace(/_x([0-9A-Fa-f]{4})_/g, (_, code) => String.fromCharCode(parseInt(code, 16)));
}

function column_of(reference) {
  let column = 0;
  for (const letter of reference.replace(/\d+/, '')) column = column * 26 + letter.charCodeAt(0) - 64;
  return column - 1;
}

/// The rows of a sheet, each an array of texts; "" where there is no cell. Anything but a text
/// cell fails.
export function sheet_rows(bytes, name = 'sheet1') {
  const xml = unzip(bytes).get(`xl/worksheets/${name}.xml`).toString('utf8');
  assert.ok(!xml.includes('<f>'), 'there are no formulas');
  const rows = [];
  for (const [, number, body] of xml.matchAll(/<row r="(\d+)"[^>]*>(.*?)<\/row>/gs)) {
    const row = [];
    for (const [, reference, type, cell] of
      body.matchAll(/<c r="([A-Z]+\d+)"[^>]*?t="(\w+)"[^>]*>(.*?)<\/c>/gs)) {
      assert.equal(type, 'inlineStr', `${reference} is text`);
      const column = column_of(reference);
      while (row.length < column) row.push('');
      row.push(plain(/<t[^>]*>(.*)<\/t>/s.exec(cell)[1]));
    }
    assert.equal(Number(number), rows.length + 1, 'rows are numbered without gaps');
    rows.push(row);
  }
  return rows;
}
