#include "base/crypto.h"
#include "base/json.h"
#include "store/sqlite_store.h"

namespace telecine::sqlite {
namespace {

File file_row(const Statement& row) {
  const auto document = parse_json(row.text(2));
  File file = file_from(document ? *document : json::value());
  file.id = {row.integer(0), static_cast<std::uint64_t>(row.integer(1))};
  return file;
}

std::unexpected<Error> no_file() {
  return telecine::fail(ErrorCode::kNotFound, "there is no such file");
}

}  // namespace

std::int64_t SqliteStore::insert_file(Batch& batch, const File& file) {
  const std::string document = json::serialize(to_json(file));
  batch.db.prepare("INSERT INTO file(random, account, doc) VALUES(?1, ?2, ?3)")
      .bind(1, static_cast<std::int64_t>(file.id.random))
      .bind(2, file.account)
      .bind(3, document)
      .run();
  return batch.db.last_id();
}

void SqliteStore::create_file(File file, std::optional<Record> record, Done<File> done) {
  file.id.random = random_u64();
  enqueue<File>(
      [this, file = std::move(file), record = std::move(record)](Batch& batch) -> Result<File> {
        File made = file;
        made.created = batch.now;
        made.id.key = insert_file(batch, made);
        if (record) {
          Record noted = *record;
          noted.document["file"] = made.id.hex();
          write_record(batch, noted, false);
        }
        return made;
      },
      std::move(done));
}

std::optional<File> SqliteStore::find_file(Batch& batch, Id id, const std::string& account) {
  auto query = batch.db.prepare("SELECT key, random, doc FROM file WHERE key = ?1 AND random = ?2");
  query.bind(1, id.key).bind(2, static_cast<std::int64_t>(id.random));
  if (!query.step()) return std::nullopt;
  File file = file_row(query);
  if (file.account != account) return std::nullopt;
  return file;
}

void SqliteStore::rewrite_file(Batch& batch, const File& file) {
  const std::string document = json::serialize(to_json(file));
  batch.db.prepare("UPDATE file SET doc = ?1 WHERE key = ?2")
      .bind(1, document)
      .bind(2, file.id.key)
      .run();
}

Id SqliteStore::take_file(Batch& batch, const Task& task, const NewFile& made) {
  const auto noted = made.output.empty() ? input_file(task) : output_file(task, made.output);
  if (auto known = noted ? find_file(batch, *noted, task.account) : std::nullopt) {
    File file = made.file;
    file.id = known->id;
    file.name = known->name;
    file.created = known->created;
    rewrite_file(batch, file);
    return file.id;
  }
  File file = made.file;
  file.created = batch.now;
  file.id.key = insert_file(batch, file);
  return file.id;
}

void SqliteStore::take_files(Batch& batch, const Task& task, UnitOutcome& outcome) {
  for (const NewFile& made : outcome.files) {
    note_file(outcome.result, task.result, made.output, take_file(batch, task, made));
  }
  const auto input = input_file(task);
  if (!outcome.source || !input) return;
  auto file = find_file(batch, *input, task.account);
  if (!file || file->facts) return;
  file->facts = outcome.source;
  rewrite_file(batch, *file);
}

void SqliteStore::remove_file(Id id, Done<bool> done) {
  enqueue<bool>(
      [id](Batch& batch) -> Result<bool> {
        batch.db.prepare("DELETE FROM file WHERE key = ?1 AND random = ?2")
            .bind(1, id.key)
            .bind(2, static_cast<std::int64_t>(id.random))
            .run();
        return batch.db.changes() > 0;
      },
      std::move(done));
}

Result<bool> SqliteStore::owns_objects(const std::string& hex) {
  try {
    Reader db = reader();
    auto file = db->prepare("SELECT 1 FROM file WHERE json_extract(doc, '$.object') = ?1");
    if (file.bind(1, hex).step()) return true;
    const auto id = Id::from_hex(hex);
    if (!id) return false;
    auto task = db->prepare("SELECT 1 FROM task WHERE key = ?1 AND random = ?2");
    return task.bind(1, id->key).bind(2, static_cast<std::int64_t>(id->random)).step();
  } catch (const Failure& failure) {
    return std::unexpected(to_error(failure));
  }
}

Result<File> SqliteStore::get_file(Id id) {
  try {
    Reader db = reader();
    auto query = db->prepare("SELECT key, random, doc FROM file WHERE key = ?1 AND random = ?2");
    query.bind(1, id.key).bind(2, static_cast<std::int64_t>(id.random));
    if (!query.step()) return no_file();
    return file_row(query);
  } catch (const Failure& failure) {
    return std::unexpected(to_error(failure));
  }
}

Result<File> SqliteStore::get_file_by_key(std::int64_t key) {
  try {
    Reader db = reader();
    auto query = db->prepare("SELECT key, random, doc FROM file WHERE key = ?1");
    query.bind(1, key);
    if (!query.step()) return no_file();
    return file_row(query);
  } catch (const Failure& failure) {
    return std::unexpected(to_error(failure));
  }
}

Result<std::vector<File>> SqliteStore::list_files(const std::string& account,
                                                  std::int64_t before_key, int limit) {
  try {
    Reader db = reader();
    auto query = db->prepare(
        "SELECT key, random, doc FROM file WHERE account = ?1 AND key < ?2 "
        "ORDER BY key DESC LIMIT ?3");
    query.bind(1, account).bind(2, before_key > 0 ? before_key : kMaxIdKey + 1).bind(3, limit);
    std::vector<File> files;
    while (query.step()) files.push_back(file_row(query));
    return files;
  } catch (const Failure& failure) {
    return std::unexpected(to_error(failure));
  }
}

bool SqliteStore::write_record(Batch& batch, const Record& record, bool create_only) {
  const std::string document = json::serialize(record.document);
  auto row = batch.db.prepare(
      create_only ? "INSERT OR IGNORE INTO record(kind, account, name, doc, expires) "
                    "VALUES(?1, ?2, ?3, ?4, ?5)"
                  : "INSERT OR REPLACE INTO record(kind, account, name, doc, expires) "
                    "VALUES(?1, ?2, ?3, ?4, ?5)");
  row.bind(1, record.kind)
      .bind(2, record.account)
      .bind(3, record.name)
      .bind(4, document)
      .bind(5, record.expires)
      .run();
  return batch.db.changes() > 0;
}

void SqliteStore::put_record(Record record, bool create_only, Done<bool> done) {
  enqueue<bool>(
      [this, record = std::move(record), create_only](Batch& batch) -> Result<bool> {
        if (write_record(batch, record, create_only)) return true;
        return telecine::fail(ErrorCode::kConflict, "there is already a " + record.kind +
                                                        " called \"" + record.name + "\"");
      },
      std::move(done));
}

void SqliteStore::remove_record(std::string kind, std::string account, std::string name,
                                Done<bool> done) {
  enqueue<bool>(
      [kind = std::move(kind), account = std::move(account),
       name = std::move(name)](Batch& batch) -> Result<bool> {
        batch.db.prepare("DELETE FROM record WHERE kind = ?1 AND account = ?2 AND name = ?3")
            .bind(1, kind)
            .bind(2, account)
            .bind(3, name)
            .run();
        return batch.db.changes() > 0;
      },
      std::move(done));
}

Result<json::object> SqliteStore::get_record(std::string_view kind, std::string_view account,
                                             std::string_view name) {
  try {
    Reader db = reader();
    auto query =
        db->prepare("SELECT doc FROM record WHERE kind = ?1 AND account = ?2 AND name = ?3");
    query.bind(1, kind).bind(2, account).bind(3, name);
    if (!query.step()) {
      return telecine::fail(ErrorCode::kNotFound, "there is no such " + std::string(kind));
    }
    auto document = parse_json(query.text(0));
    if (!document || !document->is_object()) {
      return telecine::fail(ErrorCode::kInternal, "a stored record is not a JSON object");
    }
    return document->get_object();
  } catch (const Failure& failure) {
    return std::unexpected(to_error(failure));
  }
}

Result<std::vector<std::pair<std::string, json::object>>> SqliteStore::list_records(
    std::string_view kind, std::string_view account) {
  try {
    Reader db = reader();
    auto query =
        db->prepare("SELECT name, doc FROM record WHERE kind = ?1 AND account = ?2 ORDER BY name");
    query.bind(1, kind).bind(2, account);
    std::vector<std::pair<std::string, json::object>> all;
    while (query.step()) {
      auto document = parse_json(query.text(1));
      if (document && document->is_object()) {
        all.emplace_back(query.text(0), document->get_object());
      }
    }
    return all;
  } catch (const Failure& failure) {
    return std::unexpected(to_error(failure));
  }
}

}  // namespace telecine::sqlite
