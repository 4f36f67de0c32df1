// Names of models, compared as people write them.
#pragma once

#include <string>
#include <string_view>

namespace churon::model {

// How much of a name is looked at. Each step forgets more than the one before.
enum class NameForm {
  whole,        // without case, organisation, "meta-" in front, separators
  untuned,      // without tails of tuning and number formats: -Instruct, -FP8, -hf, -W4A16
  unversioned,  // without versions and dates: -v0.1, -2507
};
inline constexpr NameForm kNameForms[] = {NameForm::whole, NameForm::untuned,
                                          NameForm::unversioned};

// "meta-llama/Llama-2-70b-chat-hf" -> "llama270b" (untuned). Two names that give the same text are
// names of the same model.
std::string comparable_name(std::string_view name, NameForm form);

// Whether `wanted` is a part of the name: its begin ("llama3.1" of "Llama-3.1-8B") or some of its
// words in order ("llama-70b" of "Llama-3.1-70B"), tails of tuning and number formats left out.
bool is_part_of_name(std::string_view wanted, std::string_view name);

}  // namespace churon::model
