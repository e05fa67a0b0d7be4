// runtime/sanitizer.hpp - tells the thread sanitizer what CAF's mailboxes and scheduler order. The packaged CAF is not
// built with it, so that it sees neither; without this every message looks like a race. Empty in other builds.
#pragma once

#if defined(__SANITIZE_THREAD__)
#define SOC_THREAD_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define SOC_THREAD_SANITIZER 1
#endif
#endif

#if defined(SOC_THREAD_SANITIZER)
#include <sanitizer/tsan_interface.h>
#endif

namespace soc {

/// What this thread did so far happens before whoever takes `what` over next.
inline void hand_over([[maybe_unused]] void* what) noexcept {
#if defined(SOC_THREAD_SANITIZER)
  __tsan_release(what);
#endif
}

inline void take_over([[maybe_unused]] void* what) noexcept {
#if defined(SOC_THREAD_SANITIZER)
  __tsan_acquire(what);
#endif
}

} // namespace soc
