// Turns on a GPU, for programs that run beside each other: --turns names a file whose lock is the GPU's.
//
// Who works on the GPU holds it together with others; who takes times holds it alone; who works on the
// host (HostWork) holds nothing. A program that dies gives its lock back. Without a file, nothing waits.
#pragma once

#include <cerrno>
#include <string>

#if !defined(_WIN32)
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>
#endif

namespace gpu {

class Turns {
   public:
    // False when the file cannot be opened.
    bool open(const std::string& path) {
#if !defined(_WIN32)
        if (!path.empty()) file_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        together();
#endif
        return path.empty() || file_ >= 0;
    }
#if !defined(_WIN32)
    void together() { lock(LOCK_SH); }
    void alone() { lock(LOCK_EX); }
    void nothing() { lock(LOCK_UN); }

   private:
    void lock(int how) {
        while (file_ >= 0 && ::flock(file_, how) != 0 && errno == EINTR) {
        }
    }
#else
    void together() {}
    void alone() {}
    void nothing() {}

   private:
#endif
    int file_ = -1;
};

inline Turns& turns() {
    static Turns one;
    return one;
}

// While it lives, the program leaves the GPU to others: references and random data are made on the host.
struct HostWork {
    HostWork() { turns().nothing(); }
    ~HostWork() { turns().together(); }
    HostWork(const HostWork&) = delete;
    HostWork& operator=(const HostWork&) = delete;
};

// While it lives, nobody else works on the GPU: for times.
struct Alone {
    Alone() { turns().alone(); }
    ~Alone() { turns().together(); }
    Alone(const Alone&) = delete;
    Alone& operator=(const Alone&) = delete;
};

}  // namespace gpu
