/* stanch: stops leaked API tokens from being used. SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * stanch.h for C++17: what is opened is closed by itself, and what goes wrong is thrown. Nothing but this
 * header is needed beside stanch.h and the library. See docs/embedding.md.
 *
 * Objects that own something can be moved and not copied; one that was moved from can only be assigned to or
 * destroyed. Texts are std::string_view and are not kept. From stanch::scan's constructor to its end nothing
 * is allocated, unless something is thrown: that is a fault of the caller or of the library, never of a
 * request. */

#ifndef STANCH_HPP
#define STANCH_HPP

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <new>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "stanch.h"

namespace stanch {

/** What went wrong: the file and the reason, or what the status means. Never holds a secret. */
class error : public std::runtime_error {
public:
    explicit error(std::int32_t code) : std::runtime_error(stanch_status_text(code)), code_(code) {}
    explicit error(const stanch_error &told) : std::runtime_error(told.message), code_(told.code) {}

    /** A STANCH_ERROR_ number. */
    std::int32_t code() const noexcept { return code_; }

private:
    std::int32_t code_;
};

/** What to do with a request. */
enum class action : std::uint32_t {
    pass = STANCH_ACTION_PASS,
    monitor = STANCH_ACTION_MONITOR,
    block = STANCH_ACTION_BLOCK,
};

/** Where a token stood. */
enum class part : std::uint32_t {
    none = STANCH_PART_NONE,
    path = STANCH_PART_PATH,
    query = STANCH_PART_QUERY,
    header = STANCH_PART_HEADER,
    cookie = STANCH_PART_COOKIE,
    body = STANCH_PART_BODY,
};

/** Whether all of the body was looked at without its content encoding. */
enum class body_state : std::uint32_t {
    whole = STANCH_BODY_WHOLE,
    damaged = STANCH_BODY_DAMAGED,
    ratio = STANCH_BODY_RATIO,
    total = STANCH_BODY_TOTAL,
    unsupported = STANCH_BODY_UNSUPPORTED,
};

/** What a guard's look at its file came to. */
enum class news : std::uint32_t {
    none = STANCH_NEWS_NONE,
    swapped = STANCH_NEWS_SWAPPED,
    refused = STANCH_NEWS_REFUSED,
};

/** Whether a detector that found something goes on. */
enum class flow { go_on, stop };

inline const char *name(action it) noexcept { return stanch_action_name(static_cast<std::uint32_t>(it)); }
inline const char *name(part it) noexcept { return stanch_part_name(static_cast<std::uint32_t>(it)); }
inline const char *name(body_state it) noexcept { return stanch_body_name(static_cast<std::uint32_t>(it)); }

/** A text as the library takes it. It must live for as long as the library looks at it. */
inline stanch_slice slice(std::string_view text) noexcept
{
    return {reinterpret_cast<const std::uint8_t *>(text.data()), text.size()};
}

/** What the library gives as a text. */
inline std::string_view view(stanch_slice bytes) noexcept
{
    return {reinterpret_cast<const char *>(bytes.data), bytes.len};
}

/** A header of a request. */
inline stanch_header header(std::string_view name, std::string_view value) noexcept
{
    return {slice(name), slice(value)};
}

/** A struct of stanch.h with its size set and the rest zero. */
template <typename Struct> Struct sized() noexcept
{
    Struct made{};
    made.size = sizeof made;
    return made;
}

namespace detail {

inline void check(std::int32_t code)
{
    if (code != STANCH_OK) {
        throw error(code);
    }
}

/** For functions that say more than a number. */
inline void check(std::int32_t code, stanch_error &told)
{
    if (code != STANCH_OK) {
        told.code = code;
        throw error(told);
    }
}

template <typename Handle, void (*release)(Handle *)> struct deleter {
    void operator()(Handle *handle) const noexcept { release(handle); }
};

template <typename Handle, void (*release)(Handle *)>
using owned = std::unique_ptr<Handle, deleter<Handle, release>>;

} // namespace detail

/** The public key in a file. Throws error. */
inline stanch_public_key open_public_key(std::string_view path)
{
    auto told = sized<stanch_error>();
    stanch_public_key key{};
    detail::check(stanch_public_key_open(slice(path), &told, &key), told);
    return key;
}

/** The public key in the line that its file holds. Throws error. */
inline stanch_public_key parse_public_key(std::string_view text)
{
    auto told = sized<stanch_error>();
    stanch_public_key key{};
    detail::check(stanch_public_key_parse(slice(text), &told, &key), told);
    return key;
}

/** Which sets are taken; by default any sound one that has not expired. */
struct trust {
    /** One of these must have signed it, unless there are none. */
    std::vector<stanch_public_key> keys;
    /** The lowest serial number that is taken. */
    std::uint64_t serial = 0;
    /** The set in use: only it or one with a higher number is taken. */
    const stanch_set *replaces = nullptr;
    /** Seconds since 1970-01-01 UTC; zero asks the system. */
    std::uint64_t now = 0;

    /** The same for C, for as long as this lives. */
    stanch_trust get() const noexcept
    {
        auto made = sized<stanch_trust>();
        made.keys = keys.empty() ? nullptr : keys.data();
        made.key_count = keys.size();
        made.replaces = replaces;
        made.serial = serial;
        made.now = now;
        return made;
    }
};

/** A compiled patch set. Immutable: threads, and processes that are forked later, may share it. */
class set {
public:
    /** Opens the set in a file with the key in another. Throws error. */
    static set open(std::string_view path, std::string_view key_path, const trust &trusted = {})
    {
        auto told = sized<stanch_error>();
        const stanch_trust conditions = trusted.get();
        stanch_set *made = nullptr;
        detail::check(
            stanch_set_open_trusted(slice(path), slice(key_path), &conditions, &told, &made), told);
        return set(made);
    }

    /** Opens the set in the bytes of a file, with the 32 bytes of a key. Throws error. */
    static set from_memory(std::string_view content, std::string_view key, const trust &trusted = {})
    {
        auto told = sized<stanch_error>();
        const stanch_trust conditions = trusted.get();
        stanch_set *made = nullptr;
        detail::check(
            stanch_set_from_memory_trusted(slice(content), slice(key), &conditions, &told, &made), told);
        return set(made);
    }

    /** What it says of itself. */
    stanch_set_info describe() const
    {
        auto info = sized<stanch_set_info>();
        detail::check(stanch_set_describe(get(), &info));
        return info;
    }

    const stanch_set *get() const noexcept { return handle_.get(); }
    operator const stanch_set *() const noexcept { return get(); }

private:
    explicit set(stanch_set *handle) noexcept : handle_(handle) {}
    detail::owned<stanch_set, stanch_set_free> handle_;
};

/** A set that a guard lent: it stays as it is until this is destroyed, which may be after the guard is. */
class lease {
public:
    lease(lease &&other) noexcept
        : set_(std::exchange(other.set_, nullptr)), news_(other.news_)
    {
    }
    lease &operator=(lease &&other) noexcept
    {
        std::swap(set_, other.set_);
        std::swap(news_, other.news_);
        return *this;
    }
    ~lease() { stanch_guard_release(set_); }

    /** Whether acquiring this one, and no other, exchanged the set or refused a file. */
    stanch::news news() const noexcept { return news_; }
    const stanch_set *get() const noexcept { return set_; }
    operator const stanch_set *() const noexcept { return set_; }

private:
    friend class guard;
    lease(const stanch_set *set, stanch::news news) noexcept : set_(set), news_(news) {}
    const stanch_set *set_;
    stanch::news news_;
};

/** Holds a set, and takes the next one when another file is put in the place of its own. Threads, and
 * processes that are forked later, may share it. */
class guard {
public:
    /** Opens a guard over the set in a file, with the key in another. Throws error. */
    static guard open(std::string_view path, std::string_view key_path, const trust &trusted = {})
    {
        auto told = sized<stanch_error>();
        const stanch_trust conditions = trusted.get();
        stanch_guard *made = nullptr;
        detail::check(stanch_guard_open(slice(path), slice(key_path), &conditions, &told, &made), told);
        return guard(made);
    }

    /** The set to scan with, after a look at the file if one is due. */
    lease acquire() const
    {
        std::uint32_t told = STANCH_NEWS_NONE;
        const stanch_set *lent = nullptr;
        detail::check(stanch_guard_acquire(handle_.get(), &told, &lent));
        return lease(lent, static_cast<news>(told));
    }

    /** Lets it look at its file when the last look is this long ago, instead of a second. */
    void set_interval(std::chrono::milliseconds interval) const
    {
        const auto count = interval.count();
        detail::check(stanch_guard_set_interval(
            handle_.get(), count < 0 ? 0 : static_cast<std::uint64_t>(count)));
    }

    /** What it did so far. */
    stanch_guard_info describe() const
    {
        auto info = sized<stanch_guard_info>();
        detail::check(stanch_guard_describe(handle_.get(), &info));
        return info;
    }

    /** Why a file was refused the last time that one was. */
    std::optional<error> refusal() const
    {
        auto told = sized<stanch_error>();
        detail::check(stanch_guard_refusal(handle_.get(), &told));
        return told.code == STANCH_OK ? std::nullopt : std::make_optional<error>(told);
    }

    const stanch_guard *get() const noexcept { return handle_.get(); }

private:
    explicit guard(stanch_guard *handle) noexcept : handle_(handle) {}
    detail::owned<stanch_guard, stanch_guard_free> handle_;
};

/** Undoes the content encodings gzip and deflate, for one scan after the other. */
class inflater {
public:
    /** With the usual limits. Throws error. */
    inflater() : inflater(sized<stanch_inflate_limits>()) {}

    /** With other ones. Throws error. */
    explicit inflater(const stanch_inflate_limits &limits)
    {
        auto told = sized<stanch_error>();
        stanch_inflater *made = nullptr;
        detail::check(stanch_inflater_new(&limits, &told, &made), told);
        handle_.reset(made);
    }

    stanch_inflater *get() noexcept { return handle_.get(); }

private:
    detail::owned<stanch_inflater, stanch_inflater_free> handle_;
};

/** The memory that scans work in, one after the other: one for each thread, or for each request. */
class memory {
public:
    memory() noexcept = default;

    /** Memory with room for a scan over this set. Throws error and std::bad_alloc. */
    explicit memory(const stanch_set *set) { fit(set); }

    /** Allocates, unless a scan over this set has room already: the sets of a guard may differ in what they
     * need. No scan may be at work in it. Throws error and std::bad_alloc. */
    void fit(const stanch_set *set)
    {
        std::size_t needed = 0;
        detail::check(stanch_scan_size(set, &needed));
        if (needed > size_) {
            bytes_.reset();
            size_ = 0;
            bytes_.reset(::operator new(needed, std::align_val_t(stanch_scan_align())));
            size_ = needed;
        }
    }

    void *data() noexcept { return bytes_.get(); }
    std::size_t size() const noexcept { return size_; }

    memory(memory &&other) noexcept
        : bytes_(std::move(other.bytes_)), size_(std::exchange(other.size_, 0))
    {
    }
    memory &operator=(memory &&other) noexcept
    {
        bytes_ = std::move(other.bytes_);
        size_ = std::exchange(other.size_, 0);
        return *this;
    }

private:
    struct aligned_delete {
        void operator()(void *bytes) const noexcept
        {
            ::operator delete(bytes, std::align_val_t(stanch_scan_align()));
        }
    };
    std::unique_ptr<void, aligned_delete> bytes_;
    std::size_t size_ = 0;
};

/** The outcome of a scan. Never holds the token. */
class verdict {
public:
    verdict() noexcept : raw_(sized<stanch_verdict>()) {}

    stanch::action action() const noexcept { return static_cast<stanch::action>(raw_.action); }
    bool is_block() const noexcept { return raw_.action == STANCH_ACTION_BLOCK; }
    /** The leak that the token belongs to, if anything was found. */
    std::uint64_t leak() const noexcept { return raw_.leak; }
    stanch::part part() const noexcept { return static_cast<stanch::part>(raw_.part); }
    /** The header's, cookie's or parameter's name as the client sent it: hostile text. Lives with this. */
    std::string_view name() const noexcept
    {
        return {reinterpret_cast<const char *>(raw_.name), raw_.name_len};
    }
    std::uint64_t offset() const noexcept { return raw_.offset; }
    /** STANCH_VIEW_ numbers, added up. */
    std::uint32_t views() const noexcept { return raw_.views; }
    body_state body() const noexcept { return static_cast<body_state>(raw_.body); }

    const stanch_verdict &get() const noexcept { return raw_; }

private:
    friend class scan;
    stanch_verdict raw_;
};

/** A look at one request. Set and memory must live longer; not for two threads at the same time. */
class scan {
public:
    /** Begins one over a set, or a lease. The memory must fit it. Throws error. */
    scan(const stanch_set *set, memory &room)
    {
        detail::check(stanch_scan_init(set, room.data(), room.size(), &handle_));
    }
    /** A set that is gone at the end of the line would be scanned with. */
    scan(lease &&, memory &) = delete;
    scan(set &&, memory &) = delete;
    scan(scan &&other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
    scan &operator=(scan &&other) noexcept
    {
        std::swap(handle_, other.handle_);
        return *this;
    }

    /** Wipes what is held of a request that was not looked at to its end. */
    ~scan()
    {
        if (handle_ != nullptr) {
            auto unread = sized<stanch_verdict>();
            stanch_scan_finish(handle_, &unread);
        }
    }

    /** What the host knows, before anything is fed. Throws error. */
    void context(const stanch_context &known) { detail::check(stanch_scan_context(handle_, &known)); }

    /** Undoes the body's content encoding, before its first byte. Throws error. */
    void inflate(inflater &with) { detail::check(stanch_scan_inflate(handle_, with.get())); }

    /** Looks at the method, and at the target as it was sent. Throws error. */
    void request(std::string_view method, std::string_view target)
    {
        detail::check(stanch_scan_request(handle_, slice(method), slice(target)));
    }

    /** Looks at a header. Several at once are faster. Throws error. */
    void header(std::string_view name, std::string_view value)
    {
        const stanch_header one = stanch::header(name, value);
        headers(&one, 1);
    }

    /** Looks at headers, or at trailers. Throws error. */
    void headers(const stanch_header *all, std::size_t count)
    {
        detail::check(stanch_scan_headers(handle_, all, count));
    }

    /** The same for a std::array, std::vector or the like. */
    template <typename Headers> auto headers(const Headers &all) -> decltype(all.data(), void())
    {
        headers(all.data(), all.size());
    }

    /** Looks at the next piece of the body, which may end anywhere. Throws error. */
    void body(std::string_view piece)
    {
        const stanch_slice one = slice(piece);
        detail::check(stanch_scan_body(handle_, &one, 1));
    }

    /** What is known so far; a block is final. Throws error. */
    stanch::verdict verdict() const
    {
        stanch::verdict known;
        detail::check(stanch_scan_verdict(handle_, &known.raw_));
        return known;
    }

    /** What to do with the request. Nothing can be fed after that. Throws error. */
    stanch::verdict finish()
    {
        stanch::verdict known;
        detail::check(stanch_scan_finish(handle_, &known.raw_));
        return known;
    }

private:
    stanch_scan *handle_ = nullptr;
};

/** Finds tokens in texts. Immutable: threads may share it. */
class detector {
public:
    /** With the built-in rules. Throws error. */
    detector()
    {
        auto told = sized<stanch_error>();
        stanch_detector *made = nullptr;
        detail::check(stanch_detector_new(&told, &made), told);
        handle_.reset(made);
    }

    /** Calls `found` with each stanch_finding, in the order of their places. It returns nothing, or a flow.
     * What it throws stops the search and comes out here. Says whether the text was looked at to its end. */
    template <typename Found> bool scan(std::string_view text, Found &&found) const
    {
        struct call {
            std::remove_reference_t<Found> &found;
            std::exception_ptr thrown;
        } state{found, nullptr};
        const auto each = [](void *context, const stanch_finding *finding) -> std::int32_t {
            auto &state = *static_cast<call *>(context);
            // Nothing may be thrown through the library.
            try {
                if constexpr (std::is_void_v<std::invoke_result_t<Found &, const stanch_finding &>>) {
                    state.found(*finding);
                    return 0;
                } else {
                    return state.found(*finding) == flow::stop ? 1 : 0;
                }
            } catch (...) {
                state.thrown = std::current_exception();
                return 1;
            }
        };
        const std::int32_t code = stanch_detector_scan(handle_.get(), slice(text), each, &state);
        if (state.thrown) {
            std::rethrow_exception(state.thrown);
        }
        if (code != STANCH_ERROR_STOPPED) {
            detail::check(code);
        }
        return code == STANCH_OK;
    }

private:
    detail::owned<stanch_detector, stanch_detector_free> handle_;
};

/** Room for any line of attempt_line. */
using attempt_room = std::array<char, STANCH_ATTEMPT_LINE>;

/** An attempt as a line of JSON without its end, in `room`. Throws error; does not allocate. */
inline std::string_view attempt_line(const stanch_attempt &attempt, attempt_room &room)
{
    std::size_t length = 0;
    detail::check(stanch_attempt_line(&attempt, room.data(), room.size(), &length));
    return {room.data(), length};
}

} // namespace stanch

#endif /* STANCH_HPP */
