#include "ship/shipper.h"

#include "util/thread_name.h"

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

namespace warder::ship {

class Shipper::Impl {
 public:
  Impl(std::unique_ptr<Outbox> outbox, std::unique_ptr<Destination> destination,
       ShipperOptions options, const util::Clock& clock, Pump::OnReport on_report)
      : outbox_(std::move(outbox)),
        destination_(std::move(destination)),
        name_(destination_->name()),
        clock_(clock),
        pump_(*outbox_, *destination_, options, clock, std::move(on_report)),
        thread_([this] { run(); }) {}

  ~Impl() { stop(); }

  void notify() {
    const std::lock_guard lock(mutex_);
    woken_ = true;
    changed_.notify_one();
  }

  void reload() {
    pump_.reload();
    notify();
  }

  void stop() {
    {
      const std::lock_guard lock(mutex_);
      stop_ = true;
      changed_.notify_one();
    }
    pump_.stopping();
    destination_->cancel();
    if (thread_.joinable()) {
      thread_.join();
    }
  }

  ShipperStatus status() const { return pump_.status(); }
  const std::string& name() const { return name_; }

 private:
  void run() {
    util::name_thread("ship:" + name_);
    while (true) {
      const auto next = pump_.step();
      std::unique_lock lock(mutex_);
      const auto ready = [this] { return stop_ || woken_; };
      if (!next) {
        changed_.wait(lock, ready);
      } else if (const auto pause = *next - clock_.monotonic();
                 pause > std::chrono::microseconds(0)) {
        // Not woken by new items alone while backing off: step() says so again, cheaply.
        changed_.wait_for(lock, pause, ready);
      }
      woken_ = false;
      if (stop_) {
        return;
      }
    }
  }

  const std::unique_ptr<Outbox> outbox_;
  const std::unique_ptr<Destination> destination_;
  const std::string name_;
  const util::Clock& clock_;
  Pump pump_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool woken_ = false;  // guarded by mutex_
  bool stop_ = false;   // guarded by mutex_
  std::thread thread_;
};

Shipper::Shipper(std::unique_ptr<Outbox> outbox, std::unique_ptr<Destination> destination,
                 ShipperOptions options, const util::Clock& clock, Pump::OnReport on_report)
    : impl_(std::make_unique<Impl>(std::move(outbox), std::move(destination), options, clock,
                                   std::move(on_report))) {}

Shipper::~Shipper() = default;

void Shipper::notify() { impl_->notify(); }

void Shipper::reload() { impl_->reload(); }

void Shipper::stop() { impl_->stop(); }

ShipperStatus Shipper::status() const { return impl_->status(); }

const std::string& Shipper::name() const { return impl_->name(); }

}  // namespace warder::ship
