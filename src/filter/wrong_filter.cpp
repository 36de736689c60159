#include "filter/wrong_filter.h"

#include "filter/filter_file.h"
#include "filter/text_filter.h"

namespace warder::filter {

bool is_wrong_filter(const FilterRequest& request, config::FileReader& files) {
  const auto definition = read_filter_file(request, files);
  return definition && TextFilter::is_wrong(*definition, request.text);
}

bool is_wrong_filter(const FilterRequest& request) {
  config::DiskFiles files;
  return is_wrong_filter(request, files);
}

}  // namespace warder::filter
