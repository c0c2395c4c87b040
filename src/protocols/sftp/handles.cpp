#include "protocols/sftp/handles.h"

namespace ferry::sftp {

Bytes Handles::add(Handle handle) {
  if (free_.empty()) {
    free_.push_back(static_cast<std::uint32_t>(slots_.size()));
    slots_.emplace_back();
  }
  const std::uint32_t index = free_.back();
  free_.pop_back();
  Slot& slot = slots_[index];
  slot.handle = std::move(handle);
  ++used_;
  return ByteWriter(handle_size).u32(index).u32(slot.generation).take();
}

Handles::Slot* Handles::slot_of(ByteSpan handle) {
  if (handle.size() != handle_size) return nullptr;
  const std::uint32_t index = load_u32(handle.data());
  if (index >= slots_.size()) return nullptr;
  Slot& slot = slots_[index];
  return slot.handle && slot.generation == load_u32(handle.data() + 4) ? &slot : nullptr;
}

Handle* Handles::find(ByteSpan handle) {
  Slot* slot = slot_of(handle);
  return slot ? &*slot->handle : nullptr;
}

Handle* Handles::find_file(ByteSpan handle) {
  Handle* found = find(handle);
  return found && found->file ? found : nullptr;
}

std::optional<Handle> Handles::release(Slot& slot) {
  std::optional<Handle> taken = std::move(slot.handle);
  slot.handle.reset();
  ++slot.generation;
  free_.push_back(static_cast<std::uint32_t>(&slot - slots_.data()));
  --used_;
  return taken;
}

std::optional<Handle> Handles::remove(ByteSpan handle) {
  Slot* slot = slot_of(handle);
  return slot ? release(*slot) : std::nullopt;
}

std::optional<Handle> Handles::remove_any() {
  for (Slot& slot : slots_) {
    if (slot.handle) return release(slot);
  }
  return std::nullopt;
}

}  // namespace ferry::sftp
