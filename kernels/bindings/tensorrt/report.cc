#include "report.h"

#include <cxxabi.h>
#include <dlfcn.h>

#include <atomic>
#include <cstring>
#include <typeinfo>

namespace turbosparse::tensorrt {
// ILogger and ILoggerFinder are versioned interfaces in TensorRT 11 and plain ones in TensorRT 10, so their tables of
// functions differ, whatever the headers of this build say. Both are declared here, as far as they are called, in a
// namespace with a name: of classes without one the compiler knows that nobody implements them.
namespace loggers {

using Severity = nvinfer1::ILogger::Severity;

class PlainLogger {
 public:
  virtual void log(Severity severity, const char* text) noexcept = 0;

 protected:
  virtual ~PlainLogger() = default;
};

class PlainFinder {
 public:
  virtual PlainLogger* findLogger() = 0;

 protected:
  virtual ~PlainFinder() = default;
};

class VersionedLogger : public nvinfer1::IVersionedInterface {
 public:
  virtual void log(Severity severity, const char* text) noexcept = 0;
};

class VersionedFinder : public nvinfer1::IVersionedInterface {
 public:
  virtual VersionedLogger* findLogger() = 0;
};

}  // namespace loggers

namespace {

// TensorRT sets it once, when it loads the library.
std::atomic<void*> logger_finder{nullptr};

// The mangled name of the interface that the finder's class implements: the only thing that tells which one it is.
const char* interface_of(const void* finder) {
  const auto* table = *static_cast<const std::type_info* const* const*>(finder);
  const auto* type = dynamic_cast<const abi::__si_class_type_info*>(table[-1]);
  return type == nullptr ? "" : type->__base_type->name();
}

// The logger of the call under way, else that of the library which the finder is of: a plugin is also created outside
// of any call that the finder knows.
template <class Logger, class Finder>
Logger* logger_of(Finder* finder) {
  if (Logger* logger = finder->findLogger()) return logger;
  Dl_info library{};
  if (dladdr(*reinterpret_cast<void**>(finder), &library) == 0) return nullptr;
  void* handle = dlopen(library.dli_fname, RTLD_LAZY | RTLD_NOLOAD);
  if (handle == nullptr) return nullptr;
  auto* get = reinterpret_cast<Logger* (*)()>(dlsym(handle, "getLogger"));
  Logger* logger = get == nullptr ? nullptr : get();
  dlclose(handle);
  return logger;
}

template <class Logger, class Finder>
void log_error(void* finder, const char* text) {
  Logger* logger = logger_of<Logger>(static_cast<Finder*>(finder));
  if (logger != nullptr) logger->log(loggers::Severity::kERROR, text);
}

void log_error(const char* text) {
  void* finder = logger_finder.load(std::memory_order_acquire);
  if (finder == nullptr) return;
  const char* interface = interface_of(finder);
  if (std::strcmp(interface, "N8nvinfer113ILoggerFinderE") == 0) {
    log_error<loggers::PlainLogger, loggers::PlainFinder>(finder, text);
  } else if (std::strcmp(interface, "N8nvinfer15v_1_013ILoggerFinderE") == 0) {
    log_error<loggers::VersionedLogger, loggers::VersionedFinder>(finder, text);
  }
}

}  // namespace

void set_logger_finder(nvinfer1::ILoggerFinder* finder) { logger_finder.store(finder, std::memory_order_release); }

std::string sentence(const char* subject, const std::string& text) {
  const bool ended = !text.empty() && text.back() == '.';
  return std::string(subject) + ": " + text + (ended ? "" : ".");
}

void report(nvinfer1::IErrorRecorder* recorder, nvinfer1::ErrorCode code, const std::string& text) noexcept {
  log_error(text.c_str());
  if (recorder != nullptr) recorder->reportError(code, text.c_str());
}

}  // namespace turbosparse::tensorrt
