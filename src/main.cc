#include "app/cli.h"

int main(int argc, char** argv) {
  return telecine::app::run(argc, argv);
}
