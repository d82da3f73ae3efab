// Logger finders with the tables of functions of TensorRT 10 and of TensorRT 11, of which a header declares only one:
// declared by hand, under the names that the libraries of those versions export.
#include <cstdint>
#include <string>

namespace nvinfer1 {

enum class Language : int32_t { cpp = 0 };
struct InterfaceInfo {
  const char* kind;
  int32_t major;
  int32_t minor;
};

class ILogger {
 public:
  virtual void log(int32_t severity, const char* text) noexcept = 0;
  virtual ~ILogger() = default;
};

class ILoggerFinder {
 public:
  virtual ILogger* findLogger() = 0;

 protected:
  virtual ~ILoggerFinder() = default;
};

class IVersionedInterface {
 public:
  virtual Language getAPILanguage() const noexcept { return Language::cpp; }
  virtual InterfaceInfo getInterfaceInfo() const noexcept = 0;
  virtual ~IVersionedInterface() noexcept = default;
};

namespace v_1_0 {

class ILogger : public IVersionedInterface {
 public:
  InterfaceInfo getInterfaceInfo() const noexcept override { return {"ILogger", 1, 0}; }
  virtual void log(int32_t severity, const char* text) noexcept = 0;
};

class ILoggerFinder : public IVersionedInterface {
 public:
  InterfaceInfo getInterfaceInfo() const noexcept override { return {"ILoggerFinder", 1, 0}; }
  virtual ILogger* findLogger() = 0;
};

}  // namespace v_1_0
}  // namespace nvinfer1

namespace test {

std::string logged;

template <class Base>
class Logger : public Base {
 public:
  void log(int32_t, const char* text) noexcept override { logged = text; }
};

// Finds none outside of a call, as TensorRT's does.
template <class Base, class Found>
class Finder : public Base {
 public:
  Found* findLogger() override { return found; }
  Found* found = nullptr;
};

Logger<nvinfer1::ILogger> plain_logger;
Logger<nvinfer1::v_1_0::ILogger> versioned_logger;
Finder<nvinfer1::ILoggerFinder, nvinfer1::ILogger> plain_finder;
Finder<nvinfer1::v_1_0::ILoggerFinder, nvinfer1::v_1_0::ILogger> versioned_finder;
void* library_logger = nullptr;

}  // namespace test

extern "C" {

// What TensorRT's own library exports, for a finder that finds no logger.
void* getLogger() { return test::library_logger; }

void* finder_of_10(int32_t in_a_call) {
  test::plain_finder.found = in_a_call != 0 ? &test::plain_logger : nullptr;
  test::library_logger = in_a_call != 0 ? nullptr : static_cast<nvinfer1::ILogger*>(&test::plain_logger);
  return static_cast<nvinfer1::ILoggerFinder*>(&test::plain_finder);
}

void* finder_of_11(int32_t in_a_call) {
  test::versioned_finder.found = in_a_call != 0 ? &test::versioned_logger : nullptr;
  test::library_logger = in_a_call != 0 ? nullptr : static_cast<nvinfer1::v_1_0::ILogger*>(&test::versioned_logger);
  return static_cast<nvinfer1::v_1_0::ILoggerFinder*>(&test::versioned_finder);
}

// An object of neither interface.
void* finder_of_neither() { return &test::versioned_logger; }

const char* last_logged() { return test::logged.c_str(); }
void forget_logged() { test::logged.clear(); }
}
