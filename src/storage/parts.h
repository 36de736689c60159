#pragma once

#include "storage/storage.h"
#include "util/result.h"

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace warder::storage {

// Bytes of a file that is to be sent; kIo when it cannot be looked at.
util::Result<std::uint64_t> size_of(const std::filesystem::path& file);

// A file cut for a multipart upload.
struct Part {
  int number = 1;  // from 1
  std::uint64_t offset = 0;
  std::uint64_t bytes = 0;
};

// Parts of `part_size`, larger when there would be more than 9,000 (services take 10,000).
std::vector<Part> cut(std::uint64_t size, std::uint64_t part_size);

// `progress` of the whole file, told by the transfer of one part; empty when `progress` is. Borrows
// both.
Progress progress_within(const Part& part, const Progress& progress);

// What services tell a part by.
struct PartDigests {
  std::string sha256;  // hex
  std::string md5;     // hex; names the content, protects nothing
  std::string md5_base64;
};
util::Result<PartDigests> digests_of(const std::filesystem::path& file, const Part& part);

}  // namespace warder::storage
