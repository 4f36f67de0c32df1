// Bounds for sizes that a file states of a model which is known by its shape alone, and what has to
// hold between them. They keep every count of a step far from 2^63.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "model/hyperparameters.h"

namespace churon::model {

inline constexpr std::int64_t kShapeLayersMax = 4096;
inline constexpr std::int64_t kShapeWidthMax = std::int64_t{1} << 20;  // d_model, d_ff, latents
inline constexpr std::int64_t kShapeHeadsMax = 4096;
inline constexpr std::int64_t kShapeHeadDimMax = 1024;
inline constexpr std::int64_t kShapeExpertsMax = 65536;
inline constexpr std::int64_t kShapeVocabMax = std::int64_t{1} << 24;
inline constexpr std::int64_t kShapeContextMax = std::int64_t{1} << 30;

inline constexpr std::size_t kShapeNameSizeMax = 200;

// One sentence for each rule that the sizes break; they are within the bounds above.
std::vector<std::string> shape_problems(const Hyperparameters& h);

// Fills what follows from the rest: the scale of attention, patterns that were left empty.
void complete_shape(Hyperparameters& h);

}  // namespace churon::model
