/*
 * Tests stanch.hpp on the files that the ABI test is run on: cpp_test FOLDER.
 *
 * What the functions behind it do is for the ABI test to check; here it is who owns what, what is thrown,
 * and that a request allocates nothing. The allocators are wrapped where COUNT_ALLOCATIONS says so.
 */

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>
#include <thread>
#include <type_traits>

#include <valgrind/memcheck.h>

#include <stanch.hpp>

#include "count_allocations.h"

using namespace std::string_literals;

static unsigned long checks, failed;

#define CHECK(condition) check((condition), #condition, __LINE__)

static void check(bool holds, const char *what, int line)
{
    checks++;
    if (!holds) {
        failed++;
        std::fprintf(stderr, "cpp_test.cpp:%d: %s\n", line, what);
    }
}

/* The code of what a call throws; STANCH_OK if it throws nothing. */
template <typename Call> static std::int32_t thrown_by(Call &&call, std::string *what = nullptr)
{
    try {
        call();
        return STANCH_OK;
    } catch (const stanch::error &error) {
        if (what != nullptr) {
            *what = error.what();
        }
        return error.code();
    }
}

#ifdef COUNT_ALLOCATIONS
/* The operators stand in a shared object, where no call is wrapped: so they are, by the names that the
 * compiler gives them. */
extern "C" {
void *__real__Znwm(size_t size);
void *__real__ZnwmSt11align_val_t(size_t size, std::align_val_t align);

void *__wrap__Znwm(size_t size)
{
    count_allocation();
    return __real__Znwm(size);
}
void *__wrap__ZnwmSt11align_val_t(size_t size, std::align_val_t align)
{
    count_allocation();
    return __real__ZnwmSt11align_val_t(size, align);
}
}
#endif

/* The files of the fixture. */
struct fixture {
    std::string folder;

    std::string path(const char *name) const { return folder + "/" + name; }

    std::string read(const char *name) const
    {
        std::ifstream file(path(name), std::ios::binary);
        std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
        if (text.empty()) {
            std::fprintf(stderr, "%s cannot be read\n", path(name).c_str());
            std::exit(2);
        }
        return text;
    }

    /* Replaces a file as `stanch patch compile` does. */
    void put(const char *name, const std::string &content) const
    {
        const std::string next = path(name) + ".next";
        std::ofstream(next, std::ios::binary) << content;
        if (std::rename(next.c_str(), path(name).c_str()) != 0) {
            std::exit(2);
        }
    }

    stanch::set open(const char *name, const stanch::trust &trusted = {}) const
    {
        return stanch::set::open(path(name), path("key"), trusted);
    }
};

static_assert(std::is_nothrow_move_constructible_v<stanch::set>);
static_assert(std::is_nothrow_move_assignable_v<stanch::set>);
static_assert(std::is_nothrow_move_constructible_v<stanch::guard>);
static_assert(std::is_nothrow_move_constructible_v<stanch::lease>);
static_assert(std::is_nothrow_move_constructible_v<stanch::memory>);
static_assert(std::is_nothrow_move_constructible_v<stanch::scan>);
static_assert(std::is_nothrow_move_constructible_v<stanch::inflater>);
static_assert(std::is_nothrow_move_constructible_v<stanch::detector>);
static_assert(!std::is_copy_constructible_v<stanch::set> && !std::is_copy_constructible_v<stanch::guard>);
static_assert(!std::is_copy_constructible_v<stanch::lease> && !std::is_copy_constructible_v<stanch::scan>);
static_assert(!std::is_copy_constructible_v<stanch::memory>);
/* A scan over a set or a lease that nobody holds does not compile. */
static_assert(std::is_constructible_v<stanch::scan, const stanch::set &, stanch::memory &>);
static_assert(!std::is_constructible_v<stanch::scan, stanch::set, stanch::memory &>);
static_assert(!std::is_constructible_v<stanch::scan, stanch::lease, stanch::memory &>);

/* What one header comes to. */
static stanch::verdict header(const stanch_set *set, std::string_view token)
{
    stanch::memory memory(set);
    stanch::scan scan(set, memory);
    scan.request("GET", "/");
    scan.header("X-Key", token);
    return scan.finish();
}

static void sets(const fixture &given)
{
    std::string what;
    CHECK(thrown_by([&] { given.open("nowhere"); }, &what) == STANCH_ERROR_IO);
    CHECK(what.find(given.path("nowhere")) != std::string::npos);
    CHECK(thrown_by([&] { given.open("forged"); }) == STANCH_ERROR_SIGNATURE);
    CHECK(thrown_by([&] { given.open("expired"); }) == STANCH_ERROR_EXPIRED);
    CHECK(thrown_by([&] { stanch::set::open(given.path("set"), given.path("other-key")); })
          == STANCH_ERROR_WRONG_KEY);
    CHECK(thrown_by([&] { stanch::set::from_memory("no set", given.read("key-bytes")); })
          == STANCH_ERROR_FORMAT);

    stanch::trust trusted;
    trusted.keys.push_back(stanch::open_public_key(given.path("public-key")));
    const std::string line = given.read("public-key");
    const stanch_public_key again = stanch::parse_public_key(line.substr(0, line.find('\n')));
    CHECK(std::equal(std::begin(again.bytes), std::end(again.bytes), trusted.keys[0].bytes));
    CHECK(thrown_by([&] { stanch::parse_public_key("no key"); }) == STANCH_ERROR_KEY);
    CHECK(thrown_by([&] { given.open("set", trusted); }) == STANCH_ERROR_UNSIGNED);
    CHECK(thrown_by([&] { given.open("other-signed", trusted); }) == STANCH_ERROR_SIGNER);

    stanch::set used = given.open("signed-5", trusted);
    CHECK(used.describe().serial == 5 && used.describe().is_signed == 1);
    trusted.replaces = used;
    CHECK(thrown_by([&] { given.open("signed-4", trusted); }) == STANCH_ERROR_ROLLBACK);
    CHECK(thrown_by([&] { given.open("signed-5-again", trusted); }) == STANCH_ERROR_ROLLBACK);
    /* What it held is freed; what it took over is in use. */
    used = given.open("signed-6", trusted);
    CHECK(used.describe().serial == 6);
    const stanch_set *before = used.get();
    stanch::set moved = std::move(used);
    CHECK(moved.get() == before && used.get() == nullptr);

    const stanch::set copied = stanch::set::from_memory(given.read("set"), given.read("key-bytes"));
    CHECK(header(copied, given.read("blocked")).is_block());
}

static void scans(const fixture &given)
{
    const stanch::set set = given.open("set");
    const std::string blocked = given.read("blocked"), clean = given.read("clean");

    const stanch::verdict passed = header(set, clean);
    CHECK(passed.action() == stanch::action::pass && passed.part() == stanch::part::none);
    CHECK(passed.name().empty() && passed.body() == stanch::body_state::whole);
    const stanch::verdict monitored = header(set, given.read("monitored"));
    CHECK(monitored.action() == stanch::action::monitor && monitored.leak() == 8);
    const stanch::verdict refused = header(set, "Bearer " + blocked);
    CHECK(refused.is_block() && refused.leak() == 7 && refused.offset() == 7);
    CHECK(refused.part() == stanch::part::header && refused.name() == "X-Key");
    CHECK(refused.views() == STANCH_VIEW_RAW);
    CHECK(stanch::name(refused.action()) == "block"s && stanch::name(refused.part()) == "header"s);
    CHECK(stanch::name(stanch::body_state::ratio) == "ratio"s);

    stanch::memory memory(set);
    for (std::size_t cut = 0; cut <= blocked.size(); cut++) {
        stanch::scan scan(set, memory);
        scan.request("POST", "/v1?x=" + clean);
        scan.headers(std::array{stanch::header("Host", "example.com"), stanch::header("X-Key", clean)});
        scan.body(blocked.substr(0, cut));
        CHECK(cut == blocked.size() || scan.verdict().action() == stanch::action::pass);
        /* A scan may be handed on in the midst of a request. */
        stanch::scan rest = std::move(scan);
        rest.body(blocked.substr(cut));
        const stanch::verdict verdict = rest.finish();
        CHECK(verdict.is_block() && verdict.part() == stanch::part::body && verdict.offset() == 0);
        CHECK(thrown_by([&] { rest.body("more"); }) == STANCH_ERROR_STATE);
    }
    {
        /* Dropped in the midst of a body: nothing of it stays in the memory. */
        stanch::scan scan(set, memory);
        scan.body(blocked.substr(0, blocked.size() - 1));
    }
    /* All of it is looked at, padding and what was never written included. */
    VALGRIND_MAKE_MEM_DEFINED(memory.data(), memory.size());
    const std::string_view left(static_cast<const char *>(memory.data()), memory.size());
    CHECK(left.find(blocked.substr(0, 16)) == std::string_view::npos);

    stanch::memory none;
    CHECK(thrown_by([&] { stanch::scan(set, none); }) != STANCH_OK);
    none.fit(set);
    const void *fitted = none.data();
    none.fit(set);
    CHECK(none.data() == fitted && none.size() == memory.size());
    stanch::memory taken = std::move(none);
    CHECK(taken.data() == fitted && none.size() == 0);
    stanch::scan(set, taken).request("GET", "/");
}

static void contexts(const fixture &given)
{
    const stanch::set set = given.open("scoped");
    const std::string blocked = given.read("blocked");
    stanch::memory memory(set);
    for (const auto &[host, expected] : {std::pair{"api.example.com", stanch::action::block},
                                         std::pair{"www.example.com", stanch::action::pass}}) {
        auto known = stanch::sized<stanch_context>();
        known.host = stanch::slice(host);
        known.now = 1000;
        stanch::scan scan(set, memory);
        scan.context(known);
        scan.request("POST", "/v1/x");
        scan.header("X-Key", blocked);
        CHECK(scan.finish().action() == expected);
        CHECK(thrown_by([&] { scan.context(known); }) == STANCH_ERROR_STATE);
    }
}

static void inflaters(const fixture &given)
{
    const stanch::set set = given.open("set");
    stanch::memory memory(set);
    stanch::inflater inflater;
    for (int turn = 0; turn < 2; turn++) {
        stanch::scan scan(set, memory);
        scan.header("Content-Encoding", "gzip");
        scan.inflate(inflater);
        scan.body(given.read("gzip"));
        const stanch::verdict verdict = scan.finish();
        CHECK(verdict.is_block() && verdict.views() == STANCH_VIEW_GZIP);
    }
    auto limits = stanch::sized<stanch_inflate_limits>();
    limits.total = 1 << 20;
    stanch::inflater narrow(limits);
    stanch::scan scan(set, memory);
    scan.header("Content-Encoding", "gzip");
    scan.inflate(narrow);
    scan.body(given.read("bomb"));
    CHECK(scan.finish().body() != stanch::body_state::whole);
}

static void guards(const fixture &given)
{
    const std::string blocked = given.read("blocked");
    given.put("cpp-live", given.read("guard-1"));
    CHECK(thrown_by([&] { stanch::guard::open(given.path("nowhere"), given.path("key")); })
          == STANCH_ERROR_IO);
    std::optional<stanch::guard> guard = stanch::guard::open(given.path("cpp-live"), given.path("key"));
    guard->set_interval(std::chrono::milliseconds(0));
    CHECK(!guard->refusal());
    stanch::lease first = guard->acquire();
    CHECK(first.news() == stanch::news::none && header(first, blocked).is_block());

    given.put("cpp-live", given.read("guard-2"));
    stanch::lease second = guard->acquire();
    CHECK(second.news() == stanch::news::swapped);
    CHECK(header(second, blocked).action() == stanch::action::monitor);
    /* What was lent before stays as it was. */
    CHECK(header(first, blocked).is_block());
    first = std::move(second);
    CHECK(header(first, blocked).action() == stanch::action::monitor);

    given.put("cpp-live", given.read("guard-1"));
    CHECK(guard->acquire().news() == stanch::news::refused);
    const std::optional<stanch::error> refusal = guard->refusal();
    CHECK(refusal && refusal->code() == STANCH_ERROR_ROLLBACK);
    CHECK(refusal && refusal->what() == "patch set " + given.path("cpp-live")
          + ": refused: serial 1 is older than 2, the lowest that is taken");
    CHECK(guard->describe().swaps == 1 && guard->describe().refusals == 1);

    std::vector<std::thread> threads;
    std::atomic<int> wrong{0};
    for (int number = 0; number < 4; number++) {
        threads.emplace_back([&] {
            for (int turn = 0; turn < 50; turn++) {
                wrong += header(guard->acquire(), blocked).action() == stanch::action::pass;
            }
        });
    }
    for (std::thread &thread : threads) {
        thread.join();
    }
    CHECK(wrong == 0);
    guard.reset();
    CHECK(header(first, blocked).action() == stanch::action::monitor);
}

static void detectors()
{
    const std::string token = "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";
    const std::string text = "a = \"" + token + "\"\nb = \"" + token + "\"\n";
    const stanch::detector detector;
    std::vector<std::string> found;
    CHECK(detector.scan(text, [&](const stanch_finding &finding) {
        CHECK(!stanch::view(finding.rule).empty());
        found.push_back(text.substr(finding.start, finding.end - finding.start));
    }));
    CHECK(found.size() == 2 && found[0] == token && found[1] == token);
    int seen = 0;
    CHECK(!detector.scan(text, [&](const stanch_finding &) {
        seen++;
        return stanch::flow::stop;
    }));
    CHECK(seen == 1);
    CHECK(detector.scan(text, [&](const stanch_finding &) { return stanch::flow::go_on; }));
    /* What the callback throws comes out behind the library. */
    bool thrown = false;
    try {
        detector.scan(text, [](const stanch_finding &) { throw std::runtime_error("mine"); });
    } catch (const std::runtime_error &error) {
        thrown = error.what() == "mine"s;
    }
    CHECK(thrown);
}

static void attempts(const fixture &given)
{
    const stanch::verdict verdict = header(given.open("set"), given.read("blocked"));
    auto attempt = stanch::sized<stanch_attempt>();
    attempt.time = 1795450373481;
    attempt.node = stanch::slice("edge-1");
    attempt.verdict = &verdict.get();
    attempt.action = STANCH_ACTION_BLOCK;
    stanch::attempt_room room;
    CHECK(stanch::attempt_line(attempt, room)
          == "{\"type\":\"vpatch\",\"time\":\"2026-11-23T16:12:53.481Z\",\"node\":\"edge-1\","
             "\"part\":\"header\",\"name\":\"X-Key\",\"view\":\"raw\",\"action\":\"block\",\"leak\":7}");
    attempt.verdict = nullptr;
    CHECK(thrown_by([&] { stanch::attempt_line(attempt, room); }) == STANCH_ERROR_NULL);
}

/* A whole request, from the guard to the line of the log, with memory that was there before. */
static void allocates_nothing(const fixture &given)
{
    given.put("cpp-live", given.read("guard-1"));
    const stanch::guard guard = stanch::guard::open(given.path("cpp-live"), given.path("key"));
    stanch::memory memory(guard.acquire());
    stanch::inflater inflater;
    const std::string gzip = given.read("gzip"), clean = given.read("clean");
    stanch::attempt_room room;
    auto attempt = stanch::sized<stanch_attempt>();
    const unsigned long before = allocations;
    const stanch::lease set = guard.acquire();
    memory.fit(set);
    stanch::scan scan(set, memory);
    scan.request("POST", "/v1");
    scan.headers(std::array{stanch::header("Content-Encoding", "gzip"), stanch::header("X-Key", clean)});
    scan.inflate(inflater);
    for (std::size_t at = 0; at < gzip.size(); at += 7) {
        scan.body(std::string_view(gzip).substr(at, 7));
    }
    const stanch::verdict verdict = scan.finish();
    attempt.verdict = &verdict.get();
    attempt.action = STANCH_ACTION_BLOCK;
    const std::string_view line = stanch::attempt_line(attempt, room);
    const unsigned long made = allocations - before;
    CHECK(verdict.is_block() && line.size() > 2);
    CHECK(made == 0);
#ifdef COUNT_ALLOCATIONS
    /* The counter sees both the library and the operators. */
    const unsigned long counted = allocations;
    stanch::memory another(set);
    CHECK(allocations > counted);
    stanch::inflater more;
    CHECK(allocations > counted + 1);
#endif
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        std::fprintf(stderr, "usage: cpp_test FOLDER\n");
        return 2;
    }
    const fixture given{argv[1]};
    sets(given);
    scans(given);
    contexts(given);
    inflaters(given);
    guards(given);
    detectors();
    attempts(given);
    allocates_nothing(given);
    std::printf("%lu checks, %lu failed\n", checks, failed);
    return failed == 0 ? 0 : 1;
}
