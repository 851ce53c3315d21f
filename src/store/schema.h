#pragma once

#include "store/sqlite.h"

namespace telecine::sqlite {

/// Brings the file to this build's version in one transaction. Throws Failure; answers
/// kUnsupported for a file of a newer version, which it leaves untouched.
Status migrate(Database& db);
int schema_version();

}  // namespace telecine::sqlite
