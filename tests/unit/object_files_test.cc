#include "object_fixture.h"

namespace telecine::object {
namespace {

using LocalFiles = ObjectTest;
using Store = ObjectTest;

TEST_F(LocalFiles, AreReadBelowARootByNameAndByPath) {
  put("root/sub/a b%20#?.mp4", "media");
  const auto roots = Roots::make({{.name = "media", .path = dir_ + "/root"}}).value();
  for (const std::string& url : {std::string("file://media/sub/a b%20#?.mp4"),
                                 "file://" + dir_ + "/root/sub/a b%20#?.mp4"}) {
    const auto fd = roots.open_input(url);
    ASSERT_TRUE(fd) << fd.error().message;
    char text[6] = {};
    EXPECT_EQ(::read(fd->get(), text, 5), 5);
    EXPECT_STREQ(text, "media");
  }
  EXPECT_EQ(roots.open_input("file://media/sub/none.mp4").error().code, ErrorCode::kInputNotFound);
  EXPECT_EQ(roots.open_input("file://media").error().code, ErrorCode::kInvalidParameter);
  EXPECT_EQ(roots.open_input("http://media/a").error().code, ErrorCode::kInvalidParameter);
}

TEST_F(LocalFiles, OutsideARootCannotBeNamedAndTheErrorLeaksNoPath) {
  put("secret", "s");
  put("root/a", "a");
  put("closed/a", "a");
  std::filesystem::create_symlink("../secret", dir_ + "/root/link");
  std::filesystem::create_directory_symlink("..", dir_ + "/root/up");
  ASSERT_EQ(::mkfifo((dir_ + "/root/pipe").c_str(), 0600), 0);
  const auto roots = Roots::make({{.name = "media", .path = dir_ + "/root"},
                                  {.name = "closed", .path = dir_ + "/closed", .read = false}})
                         .value();
  for (const std::string& url :
       {std::string("file://media/../secret"), std::string("file://media//etc/passwd"),
        std::string("file://media/link"), std::string("file://media/up/secret"),
        std::string("file://media/pipe"), std::string("file://media/."),
        std::string("file://other/a"), std::string("file://closed/a"),
        std::string("file:///etc/passwd"), "file://" + dir_ + "/root/../secret",
        "file://" + dir_ + "/secret", "file://" + dir_ + "/rootless/a"}) {
    const auto fd = roots.open_input(url);
    ASSERT_FALSE(fd) << url;
    EXPECT_EQ(fd.error().code, ErrorCode::kInputForbidden) << url;
    EXPECT_EQ(fd.error().message.find(dir_), std::string::npos);
  }
  EXPECT_EQ(Roots().open_input("file:///etc/hostname").error().code, ErrorCode::kInputForbidden);
}

TEST_F(LocalFiles, TheKernelsPseudoFilesAreNoInputs) {
  const auto roots = Roots::make({{.name = "all", .path = "/"}}).value();
  for (const char* url :
       {"file:///proc/self/environ", "file://all/proc/self/cmdline", "file:///proc/self/fd/0",
        "file:///dev/zero", "file:///proc/self/root/etc/passwd"}) {
    const auto fd = roots.open_input(url);
    ASSERT_FALSE(fd) << url;
    EXPECT_EQ(fd.error().code, ErrorCode::kInputForbidden) << url;
  }
}

TEST_F(LocalFiles, ARootThatMakesNoSenseIsRefusedAtTheStart) {
  EXPECT_FALSE(Roots::make({{.name = "a/b", .path = dir_}}));
  EXPECT_FALSE(Roots::make({{.name = "a", .path = "relative"}}));
  EXPECT_FALSE(Roots::make({{.name = "a", .path = dir_ + "/none"}}));
  EXPECT_FALSE(Roots::make({{.name = "a", .path = dir_}, {.name = "a", .path = dir_}}));
}

const std::string kTask = "00000000000000010123456789abcdef";

TEST_F(Store, PublishedFilesAreReadableUnderTheirUrlsAndGoneFromTheAttempt) {
  const auto store = LocalObjects::open(dir_).value();
  const auto from = store.prepare({kTask, 7, 1}).value();
  put("work/" + kTask + "-7-1/hls/master.m3u8", "m");
  put("work/" + kTask + "-7-1/hls/720p/seg-1.m4s", "segment");
  const std::vector<std::string> names = {"hls/master.m3u8", "hls/720p/seg-1.m4s"};
  const auto urls = store.publish(from, kTask, names);
  ASSERT_TRUE(urls) << urls.error().message;
  EXPECT_EQ(urls->front(), "object:" + kTask + "/hls/master.m3u8");
  EXPECT_EQ(parse_object_url(urls->back()), (ObjectName{kTask, "hls/720p/seg-1.m4s"}));
  EXPECT_TRUE(std::filesystem::exists(dir_ + "/objects/cd/ef/" + kTask + "/hls/master.m3u8"));
  EXPECT_FALSE(std::filesystem::exists(from + "/hls/master.m3u8"));
  const auto fd = store.open(kTask, "hls/720p/seg-1.m4s");
  ASSERT_TRUE(fd);
  char text[8] = {};
  EXPECT_EQ(::read(fd->get(), text, 7), 7);
  EXPECT_STREQ(text, "segment");
  store.remove(kTask);
  EXPECT_EQ(store.open(kTask, "hls/master.m3u8").error().code, ErrorCode::kNotFound);
}

TEST_F(Store, NamesThatLeaveTheTaskNameNothing) {
  const auto store = LocalObjects::open(dir_).value();
  put("objects/cd/ef/" + kTask + "/a.mp4", "a");
  EXPECT_TRUE(store.open(kTask, "a.mp4"));
  for (const char* name :
       {"../"
        "x/a.mp4",
        "./a.mp4", "/a.mp4", "a.mp4/", "", "a//b", ".", "..", "a.mp4\n", "none.mp4"}) {
    EXPECT_EQ(store.open(kTask, name).error().code, ErrorCode::kNotFound) << name;
  }
  EXPECT_FALSE(store.open("../../../../../../../../etc/xxxx", "passwd"));
  EXPECT_FALSE(parse_object_url("object:" + kTask + "/../a"));
  EXPECT_FALSE(parse_object_url("object:" + kTask));
  EXPECT_FALSE(parse_object_url("file:///a"));
}

TEST_F(Store, LinksThatAChildLeftAreNotPublished) {
  const auto store = LocalObjects::open(dir_).value();
  const auto from = store.prepare({kTask, 1, 1}).value();
  std::filesystem::create_symlink("/etc/passwd", from + "/out.mp4");
  std::filesystem::create_directory_symlink("/etc", from + "/hls");
  for (const char* name : {"out.mp4", "hls/passwd", "missing.mp4"}) {
    EXPECT_FALSE(store.publish(from, kTask, std::vector<std::string>{name})) << name;
  }
}

TEST_F(Store, AnAttemptStartsEmptyAndLeftoversAreListed) {
  const auto store = LocalObjects::open(dir_).value();
  const Attempt attempt{kTask, 12, 3};
  const auto path = store.prepare(attempt).value();
  put("work/" + kTask + "-12-3/half.mp4", "h");
  EXPECT_EQ(store.prepare(attempt).value(), path);
  EXPECT_TRUE(std::filesystem::is_empty(path));
  put("work/somebody-elses/file", "x");
  EXPECT_EQ(store.attempts(), std::vector{attempt});
  store.discard(attempt);
  EXPECT_TRUE(store.attempts().empty());
}

TEST_F(Store, MediaTypesFollowTheExtension) {
  EXPECT_EQ(media_type_of("a/b.MP4"), "video/mp4");
  EXPECT_EQ(media_type_of("x.m3u8"), "application/vnd.apple.mpegurl");
  EXPECT_EQ(media_type_of("x.m4s"), "video/iso.segment");
  EXPECT_EQ(media_type_of("x"), "application/octet-stream");
}

}  // namespace
}  // namespace telecine::object
