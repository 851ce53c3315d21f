#include "store/sqlite_store.h"
#include "task/generation.h"

/// What goes with time.
namespace telecine::sqlite {

std::vector<std::string> SqliteStore::drop_task(Batch& batch, Id id) {
  std::vector<std::string> objects;
  if (const auto task = load(batch, id.key)) {
    for (const Id& file : picture_files((*task)->spec)) {
      auto row = batch.db.prepare(
          "DELETE FROM file WHERE key = ?1 AND random = ?2 AND account = ?3 "
          "RETURNING json_extract(doc, '$.object')");
      row.bind(1, file.key)
          .bind(2, static_cast<std::int64_t>(file.random))
          .bind(3, (*task)->account);
      while (row.step()) objects.emplace_back(row.text(0));
    }
  }
  batch.db.prepare("DELETE FROM task WHERE key = ?1").bind(1, id.key).run();
  batch.db.prepare("DELETE FROM event WHERE task = ?1").bind(1, id.key).run();
  batch.db.prepare("DELETE FROM delivery WHERE task = ?1").bind(1, id.key).run();
  batch.tasks.erase(id.key);
  batch.erased.push_back(id.key);
  return objects;
}

void SqliteStore::purge(Millis before, int limit, Done<std::vector<std::string>> done) {
  enqueue<std::vector<std::string>>(
      [this, before, limit](Batch& batch) -> Result<std::vector<std::string>> {
        std::vector<Id> ended;
        {
          auto query = batch.db.prepare(
              "SELECT key, random FROM task WHERE finished > 0 AND finished < ?1 LIMIT ?2");
          query.bind(1, before).bind(2, limit);
          while (query.step()) {
            ended.push_back({query.integer(0), static_cast<std::uint64_t>(query.integer(1))});
          }
        }
        std::vector<std::string> gone;
        for (const Id& id : ended) {
          gone.push_back(id.hex());
          for (std::string& object : drop_task(batch, id)) gone.push_back(std::move(object));
        }
        batch.db.prepare("DELETE FROM idempotency WHERE at < ?1")
            .bind(1, batch.now - kIdempotencyLife)
            .run();
        batch.db.prepare("DELETE FROM record WHERE expires > 0 AND expires < ?1")
            .bind(1, batch.now)
            .run();
        return gone;
      },
      std::move(done));
}

}  // namespace telecine::sqlite
