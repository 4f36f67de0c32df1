#include <fmt/format.h>

#include <algorithm>

#include "report/plan_explain.h"
#include "report/plan_view.h"

namespace churon::report {

namespace {

// What a number of a quarter is made of.
struct Part {
  std::string what;
  std::function<double(const plan::Book&, std::size_t)> of;
};

std::string sums_by_future(const plan::Plan& plan, const std::vector<Part>& parts,
                           std::string (*unit)(double)) {
  Table table({Align::left, Align::right});
  table.row({"future", "sum"});
  for (std::size_t f = 0; f < plan.best.books.size(); ++f) {
    double sum = 0;
    for (const Part& part : parts) {
      sum += part.of(plan.best.books[f], f);
    }
    table.row({plan.scenario->futures[f].name, unit(sum)});
  }
  return table.text("  ");
}

std::string parts_text(const PlanRecord& record, std::string_view key, std::string_view formula,
                       const std::vector<Part>& parts, std::string (*unit)(double)) {
  const plan::Plan& plan = record.plan;
  Table table({Align::left, Align::right, Align::right, Align::right});
  table.row({"", "mean", "least", "most"});
  double sum = 0;
  for (const Part& part : parts) {
    std::vector<double> by_future;
    for (std::size_t f = 0; f < plan.best.books.size(); ++f) {
      by_future.push_back(part.of(plan.best.books[f], f));
    }
    const auto [least, most] = std::minmax_element(by_future.begin(), by_future.end());
    const double of_all = mean(plan, part.of);
    sum += of_all;
    if (*least != 0 || *most != 0) {
      table.row({part.what, unit(of_all), unit(*least), unit(*most)});
    }
  }
  std::string text = fmt::format("{} = {}\n  = {}, mean of {} futures\n", key, formula, unit(sum),
                                 plan.best.books.size());
  return sum == 0 ? text : text + table.text("  ") + sums_by_future(plan, parts, unit);
}

std::string tokens_per_second(double value) { return compact(value) + " tok/s"; }

std::vector<Part> capital_parts(const plan::Scenario& s, std::size_t q) {
  std::vector<Part> parts;
  for (std::size_t o = 0; o < s.options.size(); ++o) {
    parts.push_back({"chips " + s.options[o].name, [=](const plan::Book& book, std::size_t) {
                       return book.options[o].purchase[q];
                     }});
  }
  parts.push_back(
      {"programmes", [=](const plan::Book& book, std::size_t) { return book.programme[q]; }});
  parts.push_back(
      {"reservations", [=](const plan::Book& book, std::size_t) { return book.reservation[q]; }});
  return parts;
}

std::vector<Part> operation_parts(const plan::Scenario& s, std::size_t q) {
  std::vector<Part> parts;
  for (std::size_t o = 0; o < s.options.size(); ++o) {
    const bool is_rent = s.options[o].kind == plan::Kind::rent;
    parts.push_back(
        {(is_rent ? "rent of " : "running ") + s.options[o].name,
         [=](const plan::Book& book, std::size_t) { return book.options[o].running[q]; }});
  }
  return parts;
}

std::vector<Part> fleet_parts(const plan::Scenario& s, std::size_t q) {
  std::vector<Part> parts;
  for (std::size_t o = 0; o < s.options.size(); ++o) {
    if (s.options[o].kind != plan::Kind::rent) {
      const double watts_each = s.options[o].power.value;
      parts.push_back({fmt::format("{} x {} W", s.options[o].name, number(watts_each)),
                       [=](const plan::Book& book, std::size_t) {
                         return book.options[o].fleet[q] * watts_each;
                       }});
    }
  }
  return parts;
}

std::vector<Part> served_parts(const plan::Plan& plan, std::size_t q) {
  const plan::Scenario& s = *plan.scenario;
  std::vector<Part> parts;
  for (std::size_t o = 0; o < s.options.size(); ++o) {
    for (std::size_t c = 0; c < s.classes.size(); ++c) {
      const double each = s.options[o].tokens[c].value * s.classes[c].utilisation.value;
      parts.push_back(
          {fmt::format("{} by {} x {} tok/s", s.classes[c].name, s.options[o].name, number(each)),
           [=, &plan](const plan::Book&, std::size_t f) {
             return plan.best.decisions[f].options[o].serve[c][q] * each;
           }});
    }
  }
  return parts;
}

std::vector<Part> class_parts(const plan::Plan& plan, std::size_t q, bool unmet) {
  std::vector<Part> parts;
  for (std::size_t c = 0; c < plan.scenario->classes.size(); ++c) {
    parts.push_back(
        {plan.scenario->classes[c].name, [=, &plan](const plan::Book& book, std::size_t f) {
           return unmet ? book.unmet[c][q] : plan.scenario->futures[f].demand[c][q];
         }});
  }
  return parts;
}

std::string cap_text(const PlanRecord& record, const plan::ShadowPrice& price) {
  const auto& caps = record.plan.model.caps;
  const auto cap = std::find_if(caps.begin(), caps.end(), [&](const plan::Cap& one) {
    return one.key == price.key && one.quarter == price.quarter;
  });
  return fmt::format(
      "{}.{} = {} USD of today per {}\n"
      "  what one more {} of {} in that quarter would save, over all futures that it binds in: the "
      "price of its\n  rows in the linear program with the whole decisions held\n"
      "  1 % more saves {}: 1 % of {} {} at that price\n"
      "  place  {}:{}\n",
      price.key, quarter_text(record.plan, price.quarter), number(price.usd_per_unit), price.unit,
      price.unit, price.text, usd(price.usd_per_percent),
      number(100 * price.usd_per_percent / price.usd_per_unit), price.unit, cap->place.file,
      cap->place.line);
}

// --- of one thing -------------------------------------------------------------------------------

std::string option_text(const PlanRecord& record, std::size_t o, std::size_t q,
                        const std::string& key) {
  const plan::Plan& plan = record.plan;
  const plan::Option& option = plan.scenario->options[o];
  const bool is_rent = option.kind == plan::Kind::rent;
  Table table({Align::left, Align::right, Align::right, Align::right, Align::right});
  table.row({"future", is_rent ? "" : "arrive", is_rent ? "rented" : "there",
             is_rent ? "" : "paid for chips", is_rent ? "paid" : "paid for running"});
  for (std::size_t f = 0; f < plan.best.books.size(); ++f) {
    const plan::OptionBook& book = plan.best.books[f].options[o];
    table.row({plan.scenario->futures[f].name, is_rent ? "" : number(book.arrived[q]),
               number(book.fleet[q]), is_rent ? "" : usd(book.purchase[q]), usd(book.running[q])});
  }
  return fmt::format("{} = {}\n{}", key,
                     is_rent ? "what is rented in that quarter"
                             : fmt::format("what was there at the start + what has arrived, for {} "
                                           "quarters each",
                                           option.life),
                     table.text("  "));
}

std::string class_text(const PlanRecord& record, std::size_t c, std::size_t q,
                       const std::string& key) {
  const plan::Plan& plan = record.plan;
  Table table({Align::left, Align::right, Align::right, Align::right});
  table.row({"future", "demand", "served", "unmet"});
  for (std::size_t f = 0; f < plan.best.books.size(); ++f) {
    const plan::Book& book = plan.best.books[f];
    table.row({plan.scenario->futures[f].name,
               tokens_per_second(plan.scenario->futures[f].demand[c][q]),
               tokens_per_second(book.served[c][q]), tokens_per_second(book.unmet[c][q])});
  }
  return fmt::format("{}: demand of the class in the future = served + unmet\n{}", key,
                     table.text("  "));
}

std::string power_text(const PlanRecord& record, std::size_t k, std::size_t q,
                       const std::string& key) {
  const plan::Plan& plan = record.plan;
  const plan::Site& site = plan.scenario->sites[k];
  Table table({Align::left, Align::right});
  table.row({"future", "power"});
  for (std::size_t f = 0; f < plan.best.books.size(); ++f) {
    table.row({plan.scenario->futures[f].name, watts(plan.best.books[f].power[k][q])});
  }
  std::string text =
      fmt::format("{} = chips that are there x power of each, of {} that the site has, {}:{}\n{}",
                  key, watts(site.power[q]), site.place.file, site.place.line, table.text("  "));
  for (const plan::ShadowPrice& one : plan.binding) {
    if (one.key == "power." + site.name && index(one.quarter) == q) {
      text += cap_text(record, one);
    }
  }
  return text;
}

void add_things(const PlanRecord& record, int quarter, std::vector<Answer>& list) {
  const plan::Scenario& s = *record.plan.scenario;
  const std::size_t q = index(quarter);
  const std::string at = "." + quarter_text(record.plan, quarter);
  for (std::size_t o = 0; o < s.options.size(); ++o) {
    const std::string key = "fleet." + s.options[o].name + at;
    list.push_back({key, [=, &record] { return option_text(record, o, q, key); }});
  }
  for (std::size_t c = 0; c < s.classes.size(); ++c) {
    for (const char* what : {"demand.", "served.", "unmet."}) {
      const std::string key = what + s.classes[c].name + at;
      list.push_back({key, [=, &record] { return class_text(record, c, q, key); }});
    }
  }
  for (std::size_t k = 0; k < s.sites.size(); ++k) {
    const std::string key = "power." + s.sites[k].name + at;
    list.push_back({key, [=, &record] { return power_text(record, k, q, key); }});
  }
}

void add_sums(const PlanRecord& record, int quarter, std::vector<Answer>& list) {
  const plan::Plan& plan = record.plan;
  const plan::Scenario& s = *plan.scenario;
  const std::size_t q = index(quarter);
  const auto add = [&](const std::string& what, std::string_view formula, std::vector<Part> parts,
                       std::string (*unit)(double)) {
    const std::string key = what + "." + quarter_text(plan, quarter);
    list.push_back({key, [=, &record, parts = std::move(parts)] {
                      return parts_text(record, key, formula, parts, unit);
                    }});
  };
  std::vector<Part> cash = capital_parts(s, q);
  for (Part& part : operation_parts(s, q)) {
    cash.push_back(std::move(part));
  }
  add("capital", "deposits + rest of the price at arrival - discounts + programmes + reservations",
      capital_parts(s, q), usd);
  add("operation", "running cost of all chips that are there + rent", operation_parts(s, q), usd);
  add("cash", "capital + operation", std::move(cash), usd);
  add("fleet", "chips that are there x power of each", fleet_parts(s, q), watts);
  add("demand", "demand of all classes", class_parts(plan, q, false), tokens_per_second);
  add("served", "chips that serve a class x tokens x utilisation", served_parts(plan, q),
      tokens_per_second);
  add("unmet", "demand - served", class_parts(plan, q, true), tokens_per_second);
}

}  // namespace

void add_quarters(const PlanRecord& record, std::vector<Answer>& list) {
  for (int quarter = 0; quarter < record.plan.scenario->quarters; ++quarter) {
    add_sums(record, quarter, list);
    add_things(record, quarter, list);
  }
  for (const plan::ShadowPrice& price : record.plan.binding) {
    list.push_back({price.key + "." + quarter_text(record.plan, price.quarter),
                    [&] { return cap_text(record, price); }});
  }
}

}  // namespace churon::report
