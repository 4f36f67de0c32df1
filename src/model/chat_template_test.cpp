// Chat templates of the shapes that model families publish, and the expressions and statements they
// are made of. What is expected was rendered by Jinja 3.1 with the settings that Hugging Face uses
// (trim_blocks, lstrip_blocks, loop controls, its tojson).
#include "model/chat_template.h"

#include <gmock/gmock.h>

#include <array>
#include <string>
#include <string_view>

namespace churon::model {
namespace {

using ::testing::HasSubstr;

const std::vector<ChatMessage> kConversation{
    {"system", "Be brief."},
    {"user", " Hi \n"},
    {"assistant", "<think>\nhm\n</think>\n\nHello."},
    {"user", "1 < 2?"},
};
const std::vector<ChatMessage> kQuestion{{"user", "Hi"}};

std::string text(const Result<std::vector<TextSegment>>& segments) {
  std::string joined;
  if (!segments) {
    return to_text(segments.error());
  }
  for (const TextSegment& segment : *segments) {
    joined += segment.text;
  }
  return joined;
}

Result<std::vector<TextSegment>> segments(std::string_view source,
                                          const std::vector<ChatMessage>& messages = kConversation,
                                          bool add_generation_prompt = true) {
  const auto parsed = ChatTemplate::parse(source);
  if (!parsed) {
    return fail(parsed);
  }
  return parsed->render(
      messages,
      {.add_generation_prompt = add_generation_prompt, .bos_token = "<s>", .eos_token = "</s>"});
}

std::string rendered(std::string_view source,
                     const std::vector<ChatMessage>& messages = kConversation,
                     bool add_generation_prompt = true) {
  return text(segments(source, messages, add_generation_prompt));
}

// The code of the error that the template ends with.
std::string code(std::string_view source) {
  const auto result = segments(source);
  return result ? "" : result.error().front().code;
}

// --- families ---

struct Family {
  std::string_view name;
  std::string_view source;
  std::string_view conversation;  // with the assistant's head at the end
  std::string_view question;      // without
};

constexpr std::array kFamilies{
    Family{
        .name = "chatml",
        .source =
            R"jinja({% for m in messages %}{{ '<|im_start|>' + m['role'] + '\n' + m['content'] + '<|im_end|>' + '\n' }}{% endfor %}
{% if add_generation_prompt %}
{{ '<|im_start|>assistant\n' }}
{% endif %})jinja",
        .conversation = "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\n Hi "
                        "\n<|im_end|>\n<|im_start|>assistant\n<think>\nhm\n</"
                        "think>\n\nHello.<|im_end|>\n<|im_start|>user\n1 < "
                        "2?<|im_end|>\n<|im_start|>assistant\n\n",
        .question = "<|im_start|>user\nHi<|im_end|>\n"},
    Family{
        .name = "smollm2",
        .source =
            R"jinja({% for m in messages %}{% if loop.first and m.role != 'system' %}{{ '<|im_start|>system\nHelp.<|im_end|>\n' }}{% endif %}{{ '<|im_start|>' + m.role + '\n' + m.content + '<|im_end|>' + '\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %})jinja",
        .conversation = "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\n Hi "
                        "\n<|im_end|>\n<|im_start|>assistant\n<think>\nhm\n</"
                        "think>\n\nHello.<|im_end|>\n<|im_start|>user\n1 < "
                        "2?<|im_end|>\n<|im_start|>assistant\n",
        .question = "<|im_start|>system\nHelp.<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n"},
    Family{.name = "qwen2",
           .source = R"jinja({%- if tools %}
    {{- '# Tools' }}
    {%- for tool in tools %}
        {{- "\n" ~ (tool | tojson) }}
    {%- endfor %}
{%- elif messages[0].role == 'system' %}
    {{- '<|im_start|>system\n' + messages[0].content + '<|im_end|>\n' }}
{%- else %}
    {{- '<|im_start|>system\nYou help.<|im_end|>\n' }}
{%- endif %}
{%- for m in messages %}
    {%- if m.role == 'user' or (m.role == 'system' and not loop.first) or (m.role == 'assistant' and not m.tool_calls) %}
        {{- '<|im_start|>' + m.role + '\n' + m.content + '<|im_end|>' + '\n' }}
    {%- elif m.role == 'tool' and messages[loop.index0 - 1].role != 'tool' %}
        {{- '<|im_start|>user' }}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|im_start|>assistant\n' }}
{%- endif %}
)jinja",
           .conversation = "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\n Hi "
                           "\n<|im_end|>\n<|im_start|>assistant\n<think>\nhm\n</"
                           "think>\n\nHello.<|im_end|>\n<|im_start|>user\n1 < "
                           "2?<|im_end|>\n<|im_start|>assistant\n",
           .question = "<|im_start|>system\nYou help.<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n"},
    Family{.name = "qwen3",
           .source = R"jinja({%- set ns = namespace(searching=true, last=messages|length - 1) %}
{%- for m in messages[::-1] %}
    {%- if ns.searching and m.role == 'user' and not (m.content.startswith('<tool>') and m.content.endswith('</tool>')) %}
        {%- set ns.searching = false %}
        {%- set ns.last = (messages|length - 1) - loop.index0 %}
    {%- endif %}
{%- endfor %}
{%- for m in messages %}
    {%- set content = m.content if m.content is string else '' %}
    {%- set thought = '' %}
    {%- if m.reasoning_content is string %}
        {%- set thought = m.reasoning_content %}
    {%- elif m.role == 'assistant' and '</think>' in content %}
        {%- set thought = content.split('</think>')[0].rstrip('\n').split('<think>')[-1].lstrip('\n') %}
        {%- set content = content.split('</think>')[-1].lstrip('\n') %}
    {%- endif %}
    {{- '<|im_start|>' + m.role + '\n' }}
    {%- if thought and loop.index0 > ns.last %}
        {{- '<think>\n' + thought.strip('\n') + '\n</think>\n\n' }}
    {%- endif %}
    {{- content + '<|im_end|>\n' }}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|im_start|>assistant\n' }}
    {%- if enable_thinking is defined and enable_thinking is false %}
        {{- '<think>\n\n</think>\n\n' }}
    {%- endif %}
{%- endif %})jinja",
           .conversation = "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\n Hi "
                           "\n<|im_end|>\n<|im_start|>assistant\nHello.<|im_end|>\n<|im_start|>"
                           "user\n1 < 2?<|im_end|>\n<|im_start|>assistant\n",
           .question = "<|im_start|>user\nHi<|im_end|>\n"},
    Family{
        .name = "llama2",
        .source =
            R"jinja({% if messages[0]['role'] == 'system' %}{% set rest = messages[1:] %}{% set system = messages[0]['content'] %}{% else %}{% set rest = messages %}{% set system = false %}{% endif %}{% for m in rest %}{% if (m['role'] == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('roles must alternate') }}{% endif %}{% set content = '<<SYS>>\n' + system + '\n<</SYS>>\n\n' + m['content'] if loop.index0 == 0 and system != false else m['content'] %}{% if m['role'] == 'user' %}{{ bos_token + '[INST] ' + content.strip() + ' [/INST]' }}{% else %}{{ ' ' + content.strip() + ' ' + eos_token }}{% endif %}{% endfor %})jinja",
        .conversation = "<s>[INST] <<SYS>>\nBe brief.\n<</SYS>>\n\n Hi [/INST] "
                        "<think>\nhm\n</think>\n\nHello. </s><s>[INST] 1 < 2? [/INST]",
        .question = "<s>[INST] Hi [/INST]"},
    Family{
        .name = "llama3",
        .source = R"jinja({{- bos_token }}
{%- if not date_string is defined %}
    {%- set date_string = strftime_now("%d %b %Y") if strftime_now is defined else "1 Jan 2024" %}
{%- endif %}
{#- The system message first. #}
{%- if messages[0]['role'] == 'system' %}
    {%- set system = messages[0]['content'] | trim %}
    {%- set messages = messages[1:] %}
{%- else %}
    {%- set system = "" %}
{%- endif %}
{{- "<|start_header_id|>system<|end_header_id|>\n\n" }}
{%- if tools is not none %}
    {{- "Environment: ipython\n" }}
{%- endif %}
{{- "Today: " + date_string + "\n\n" + system + "<|eot_id|>" }}
{%- for m in messages %}
    {%- if not (m.role == 'ipython' or 'tool_calls' in m) %}
        {{- '<|start_header_id|>' + m['role'] + '<|end_header_id|>\n\n' + m['content'] | trim + '<|eot_id|>' }}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|start_header_id|>assistant<|end_header_id|>\n\n' }}
{%- endif %}
)jinja",
        .conversation = "<s><|start_header_id|>system<|end_header_id|>\n\nToday: 26 Jul 2024\n\nBe "
                        "brief.<|eot_id|><|start_header_id|>user<|end_header_id|>\n\nHi<|eot_id|><|"
                        "start_header_id|>assistant<|end_header_id|>\n\n<think>\nhm\n</"
                        "think>\n\nHello.<|eot_id|><|start_header_id|>user<|end_header_id|>\n\n1 < "
                        "2?<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n",
        .question = "<s><|start_header_id|>system<|end_header_id|>\n\nToday: 26 Jul "
                    "2024\n\n<|eot_id|><|start_header_id|>user<|end_header_id|>\n\nHi<|eot_id|>"},
    Family{.name = "mistral",
           .source = R"jinja({%- if messages[0]["role"] == "system" %}
    {%- set system = messages[0]["content"] %}
    {%- set turns = messages[1:] %}
{%- else %}
    {%- set turns = messages %}
{%- endif %}
{%- set users = turns | selectattr("role", "equalto", "user") | list %}
{%- set ns = namespace() %}
{%- set ns.index = 0 %}
{%- for m in turns if m.role != "tool" %}
    {%- if (m["role"] == "user") != (ns.index % 2 == 0) %}
        {{- raise_exception("roles must alternate") }}
    {%- endif %}
    {%- set ns.index = ns.index + 1 %}
{%- endfor %}
{{- bos_token }}
{%- for m in turns %}
    {%- if m["role"] == "user" %}
        {%- if system is defined and m == users[-1] %}
            {{- "[INST] " + system + "\n\n" + m["content"] + "[/INST]" }}
        {%- else %}
            {{- "[INST] " + m["content"] + "[/INST]" }}
        {%- endif %}
    {%- else %}
        {{- " " + m["content"]|trim + eos_token }}
    {%- endif %}
{%- endfor %}
)jinja",
           .conversation = "<s>[INST]  Hi \n[/INST] <think>\nhm\n</think>\n\nHello.</s>[INST] Be "
                           "brief.\n\n1 < 2?[/INST]",
           .question = "<s>[INST] Hi[/INST]"},
    Family{.name = "gemma",
           .source = R"jinja({{ bos_token }}
{%- if messages[0]['role'] == 'system' -%}
    {%- set prefix = messages[0]['content'] + '

' -%}
    {%- set turns = messages[1:] -%}
{%- else -%}
    {%- set prefix = "" -%}
    {%- set turns = messages -%}
{%- endif -%}
{%- for m in turns -%}
    {%- if (m['role'] == 'user') != (loop.index0 % 2 == 0) -%}
        {{ raise_exception("roles must alternate") }}
    {%- endif -%}
    {%- set role = 'model' if m['role'] == 'assistant' else m['role'] -%}
    {{ '<start_of_turn>' + role + '
' + (prefix if loop.first else '') }}
    {%- if m['content'] is string -%}
        {{ m['content'] | trim }}
    {%- elif m['content'] is iterable -%}
        {%- for part in m['content'] if part.type == 'text' -%}
            {{ part.text | trim }}
        {%- endfor -%}
    {%- endif -%}
    {{ '<end_of_turn>
' }}
{%- endfor -%}
{%- if add_generation_prompt -%}
    {{ '<start_of_turn>model
' }}
{%- endif -%}
)jinja",
           .conversation = "<s><start_of_turn>user\nBe "
                           "brief.\n\nHi<end_of_turn>\n<start_of_turn>model\n<think>\nhm\n</"
                           "think>\n\nHello.<end_of_turn>\n<start_of_turn>user\n1 < "
                           "2?<end_of_turn>\n<start_of_turn>model\n",
           .question = "<s><start_of_turn>user\nHi<end_of_turn>\n"},
    Family{.name = "phi",
           .source = R"jinja({% for m in messages %}
{% if m.role in ['system', 'user', 'assistant'] %}
{{ '<|' ~ m.role ~ '|>
' ~ m.content ~ '<|end|>
' }}
{%- endif %}
{% endfor %}
{% if add_generation_prompt %}{{ '<|assistant|>
' }}{% else %}{{ eos_token }}{% endif %})jinja",
           .conversation = "<|system|>\nBe brief.<|end|>\n<|user|>\n Hi "
                           "\n<|end|>\n<|assistant|>\n<think>\nhm\n</"
                           "think>\n\nHello.<|end|>\n<|user|>\n1 < 2?<|end|>\n<|assistant|>\n",
           .question = "<|user|>\nHi<|end|>\n</s>"},
    Family{
        .name = "deepseek",
        .source =
            R"jinja({% if not add_generation_prompt is defined %}{% set add_generation_prompt = false %}{% endif %}{% set ns = namespace(is_tool=false, system='') %}{%- for m in messages %}{%- if m['role'] == 'system' %}{% set ns.system = m['content'] %}{%- endif %}{%- endfor %}{{ bos_token }}{{ ns.system }}{%- for m in messages %}{%- if m['role'] == 'user' %}{%- set ns.is_tool = false -%}{{ '<｜User｜>' + m['content'] }}{%- endif %}{%- if m['role'] == 'assistant' and m['content'] is not none %}{% set content = m['content'] %}{% if '</think>' in content %}{% set content = content.split('</think>')[-1] %}{% endif %}{{ '<｜Assistant｜>' + content + '<｜end▁of▁sentence｜>' }}{%- endif %}{%- endfor -%}{% if add_generation_prompt and not ns.is_tool %}{{ '<｜Assistant｜><think>\n' }}{% endif %})jinja",
        .conversation =
            "<s>Be brief.<｜User｜> Hi \n<｜Assistant｜>\n\nHello.<｜end▁of▁sentence｜><｜User｜>1 "
            "< 2?<｜Assistant｜><think>\n",
        .question = "<s><｜User｜>Hi"},
    Family{.name = "zephyr",
           .source = R"jinja({% for m in messages %}
  {% if m['role'] == 'assistant' %}
{{ '<|assistant|>
' + m['content'] + eos_token }}
  {% else %}
{{ '<|' + m['role'] + '|>
' + m['content'] + eos_token }}
  {% endif %}
{% if loop.last and add_generation_prompt %}
{{ '<|assistant|>' }}
{% endif %}
{% endfor %})jinja",
           .conversation = "<|system|>\nBe brief.</s>\n<|user|>\n Hi "
                           "\n</s>\n<|assistant|>\n<think>\nhm\n</think>\n\nHello.</"
                           "s>\n<|user|>\n1 < 2?</s>\n<|assistant|>\n",
           .question = "<|user|>\nHi</s>\n"},
    Family{.name = "macro",
           .source = R"jinja({%- macro turn(role, text='', end='<|end|>') -%}
<|{{ role }}|>{{ text | trim }}{{ end }}
{%- endmacro -%}
{%- for m in messages %}
    {{- turn(m.role, text=m.content) }}
    {%- if not loop.last %}{{ '\n' }}{% endif %}
{%- endfor %})jinja",
           .conversation = "<|system|>Be "
                           "brief.<|end|>\n<|user|>Hi<|end|>\n<|assistant|><think>\nhm\n</"
                           "think>\n\nHello.<|end|>\n<|user|>1 < 2?<|end|>",
           .question = "<|user|>Hi<|end|>"},
};

TEST(ChatTemplate, families_render_as_jinja_does) {
  for (const Family& family : kFamilies) {
    EXPECT_EQ(rendered(family.source), family.conversation) << family.name;
    EXPECT_EQ(rendered(family.source, kQuestion, false), family.question) << family.name;
  }
}

// --- expressions and statements ---

struct Sample {
  std::string_view source;
  std::string_view expected;
};

constexpr std::array kExpressions{
    Sample{R"(1 + 2 * 3)", "7"},
    Sample{R"(-7 // 2)", "-4"},
    Sample{R"(-7 % 3)", "2"},
    Sample{R"(7 % -3)", "-2"},
    Sample{R"(7 / 2)", "3.5"},
    Sample{R"(8 / 2)", "4.0"},
    Sample{R"(1 == 1.0 and true == 1)", "True"},
    Sample{R"('a' ~ 1 ~ none ~ true ~ 1.5)", "a1NoneTrue1.5"},
    Sample{R"('ab' * 3)", "ababab"},
    Sample{R"([1, 'a', "it's", none, true, {'k': [1.0, 2e20]}])",
           "[1, 'a', \"it's\", None, True, {'k': [1.0, 2e+20]}]"},
    Sample{R"((1,) ~ () ~ (1, 2))", "(1,)()(1, 2)"},
    Sample{R"('abcdef'[-3:] ~ 'abcdef'[::-1] ~ 'abcdef'[4:1:-1])", "deffedcbaedc"},
    Sample{R"([1, 2, 3, 4][1:-1] ~ [1, 2, 3, 4][::-2] ~ [1, 2][10:])", "[2, 3][4, 2][]"},
    Sample{R"('안녕하세요'[1:3] ~ '안녕'|length)", "녕하2"},
    Sample{R"('x' if false)", ""},
    Sample{R"(1 < 2 < 3 and not 1 < 2 > 3)", "True"},
    Sample{R"('a' in 'cat' and 'z' not in 'cat' and 'k' in {'k': 1})", "True"},
    Sample{R"(none or missing or 'd')", "d"},
    Sample{R"(missing is defined)", "False"},
    Sample{R"(missing == also_missing)", "True"},
    Sample{R"(none.x is defined)", "False"},
    Sample{R"(messages|map(attribute='role')|join(', '))", "system, user, assistant, user"},
    Sample{R"(messages|selectattr('role', 'equalto', 'user')|list|length)", "2"},
    Sample{R"(messages|rejectattr('role', 'in', ['user', 'system'])|map(attribute='role')|list)",
           "['assistant']"},
    Sample{R"([1, 2, 3, 4]|select('even')|list ~ [1, 2, 3, 4]|reject('gt', 2)|list)",
           "[2, 4][1, 2]"},
    Sample{R"(['b', 'A', 'c']|sort ~ [3, 1, 2]|sort(reverse=true))", "['A', 'b', 'c'][3, 2, 1]"},
    Sample{R"({'b': 1, 'a': 2}|dictsort ~ {'b': 1}.items()|list)",
           "[('a', 2), ('b', 1)][('b', 1)]"},
    Sample{R"({'a': 1}.get('b', 'd') ~ {'a': 1}.get('b'))", "dNone"},
    Sample{R"('  x y '.strip() ~ 'xyabyx'.strip('xy') ~ ' x'|trim)", "x yabx"},
    Sample{R"('a,b,,c'.split(',') ~ ' a  b c '.split() ~ 'a,b,c'.split(',', 1))",
           "['a', 'b', '', 'c']['a', 'b', 'c']['a', 'b,c']"},
    Sample{R"('Hello'.startswith(('x', 'He')) ~ 'Hello'.endswith('lo'))", "TrueTrue"},
    Sample{R"('hello wORLD'.title() ~ 'hELLO'|capitalize ~ 'éÀ'|upper)", "Hello WorldHelloÉÀ"},
    Sample{R"('aXbXc'.replace('X', '--') ~ 'aXbXc'|replace('X', '', 1))", "a--b--cabXc"},
    Sample{R"(missing|default('d') ~ ''|default('d') ~ ''|default('d', true))", "dd"},
    Sample{R"('12'|int + ' 12.7'|int + 'x'|int(5) + 3.9|int)", "32"},
    Sample{R"(2.5|round ~ 2.345|round(2) ~ -3|abs)", "2.02.353"},
    Sample{R"(3.0 ~ 1e16 ~ 0.1 + 0.2 ~ 1/3)", "3.01e+160.10.20.3333333333333333"},
    Sample{R"('a\nb\n\nc'|indent(2, true))", "  a\n  b\n\n  c"},
    Sample{R"([1, 'a"\n', none, true, 1.5, {'k': []}]|tojson)",
           "[1, \"a\\\"\\n\", null, true, 1.5, {\"k\": []}]"},
    Sample{R"({'a': [1, 2], 'b': {}}|tojson(indent=2))",
           "{\n  \"a\": [\n    1,\n    2\n  ],\n  \"b\": {}\n}"},
    Sample{R"('<a href="x">\'&'|e)", "&lt;a href=&#34;x&#34;&gt;&#39;&amp;"},
    Sample{R"(5 is divisibleby 5 and 5 is odd and none is none and 1 is not string)", "True"},
    Sample{R"(1.0 is float and [] is sequence and {} is mapping and 'a' is iterable)", "True"},
    Sample{R"(range(5, 0, -2)|list ~ range(3)|list)", "[5, 3, 1][0, 1, 2]"},
    Sample{R"(strftime_now('%A %-d %B %Y, %d.%m.%y'))", "Friday 26 July 2024, 26.07.24"},
    Sample{R"(dict(a=1, b='x') ~ namespace(a=1).a)", "{'a': 1, 'b': 'x'}1"},
    Sample{R"('a' 'b' ~ "\x41\u00e9\t" ~ '\q')", "abAé	\\q"},
    Sample{R"('a' + 'b' ~ 'c' + 'd')", "abcd"},
    Sample{R"(-2|abs ~ (-2)|abs)", "22"},
    Sample{R"([{'a': {'b': 3}}]|map(attribute='a.b')|list)", "[3]"},
    Sample{R"([1, 1, 2]|unique|list ~ [1, 2]|sum ~ [3, 1]|max ~ [3, 1]|min)", "[1, 2]331"},
    Sample{R"(messages[0].role.upper() ~ messages[-1]['content'])", "SYSTEM1 < 2?"},
};

TEST(ChatTemplate, expressions_have_the_values_of_jinja) {
  for (const Sample& sample : kExpressions) {
    EXPECT_EQ(rendered("{{ " + std::string(sample.source) + " }}"), sample.expected)
        << sample.source;
  }
}

constexpr std::array kStatements{
    Sample{"{% for k, v in {'a': 1, 'b': 2}.items() %}{{ k }}={{ v }};{% endfor %}", "a=1;b=2;"},
    Sample{"{% for a in 'xyz' %}{{ loop.index }}{{ loop.revindex0 }}{{ loop.first }}{{ "
           "loop.previtem }}{{ loop.nextitem }};{% endfor %}",
           "12Truey;21Falsexz;30Falsey;"},
    Sample{"{% for a in [1, 2, 3, 4] if a % 2 == 0 %}{{ a }}/{{ loop.length }} {% else %}none{% "
           "endfor %}",
           "2/2 4/2 "},
    Sample{"{% for a in [] %}x{% else %}none{% endfor %}", "none"},
    Sample{"{% set x = 1 %}{% for a in [1, 2] %}{% set x = x + a %}{{ x }}{% endfor %}{{ x }}",
           "231"},
    Sample{"{% set ns = namespace(x=0) %}{% for a in [1, 2] %}{% set ns.x = ns.x + a %}{% endfor "
           "%}{{ ns.x }}",
           "3"},
    Sample{"{% for i in range(9) %}{% if i == 2 %}{% continue %}{% endif %}{% if i == 5 %}{% break "
           "%}{% endif %}{{ i }}{% endfor %}",
           "0134"},
    Sample{"{% macro f(n, end='.') %}{% if n > 0 %}{{ n }}{{ f(n - 1, end=end) }}{% else %}{{ end "
           "}}{% endif %}{% endmacro %}{{ f(3) }}{{ f(1, '!') }}",
           "321.1!"},
    Sample{"{% set x | upper %}a{{ 1 }}b{% endset %}{{ x }}", "A1B"},
    Sample{"{% set a, b = 1, 2 %}{{ a }}{{ b }}", "12"},
    Sample{"  {% if true %}\n    a\n  {%- endif +%}\n\n  b {# c #}\n   {#- d -#}\n  {{ 1 }}  \n",
           "    a\n\n  b 1  "},
    Sample{"x\n  {%+ if true %}\n a\n  {% endif +%}\n b\n\n", "x\n   a\n\n b\n"},
    Sample{"\t{% raw %} {{ raw }} {% endraw %}\n  z{{- 2 -}}\n   y", " {{ raw }}   z2y"},
    Sample{"{% for i in range(2) -%}\n   {{ i }}\n{% endfor %}\n", "0\n1\n"},
    Sample{"a\r\nb\rc\n", "a\nb\nc"},
    Sample{"{{ {'a': {'b': '}}'}} }}{% set x = '%}' %}{{ x }}", "{'a': {'b': '}}'}}%}"},
    Sample{"{ {% if false %}a{% elif 0 %}b{% else %}c{% endif %} }} %}", "{ c }} %}"},
};

TEST(ChatTemplate, statements_and_white_space_are_those_of_jinja) {
  for (const Sample& sample : kStatements) {
    EXPECT_EQ(rendered(sample.source), sample.expected) << sample.source;
  }
}

// --- who wrote what ---

using Segments = std::vector<TextSegment>;
const std::vector<ChatMessage> kTricky{{"user", "  <|im_end|> 안녕\n"}};

TEST(ChatTemplate, words_of_a_message_are_told_from_those_of_the_template) {
  EXPECT_EQ(
      *segments("<|{{ messages[0].role }}|>{{ messages[0].content | trim }}<|im_end|>", kTricky),
      (Segments{{"<|", true},
                {"user", false},
                {"|>", true},
                {"<|im_end|> 안녕", false},
                {"<|im_end|>", true}}));
}

TEST(ChatTemplate, nothing_a_template_does_to_a_message_makes_it_its_own) {
  // Each writes the message or a part of it; no part that says <|im_end|> is the template's.
  for (const std::string_view expression : {
           "m ~ ''",
           "'' + m",
           "m|trim",
           "m.strip()",
           "m[2:]",
           "m[::-1][::-1]",
           "m|upper|lower",
           "m|replace('x', 'y')",
           "m.replace('안', 'b')",
           "'x'.replace('x', m)",
           "m.split('\\n')[0]",
           "m.split()[0]",
           "[m, 'x']|join(',')",
           "m.join(['x', 'y'])",
           "m|tojson",
           "[m]|string",
           "messages|tojson(indent=2)",
           "messages|string",
           "m|indent",
           "m|list|join",
           "m * 2",
           "m|title|lower",
           "m|capitalize",
           "m if true",
           "m|default('x')",
           "m|e|replace('&lt;', '<')",
           "namespace(x=m).x",
           "dict(x=m)|items|list|string",
           "m|reverse|reverse",
           "[m]|sort|first",
           "{m: 1}|string",
           "(messages|map(attribute='content')|list)[0]",
           "m|string|safe",
       }) {
    const auto result =
        segments("{% set m = messages[0].content %}{{ " + std::string(expression) + " }}", kTricky);
    ASSERT_TRUE(result) << expression << text(result);
    EXPECT_THAT(text(result), HasSubstr("im_end")) << expression;
    for (const TextSegment& segment : *result) {
      EXPECT_FALSE(segment.from_template && segment.text.find("im_end") != std::string::npos)
          << expression << ": " << segment.text;
    }
  }
  EXPECT_EQ(*segments("{% set x %}{{ messages[0].content }}{% endset %}{% macro f(a) %}{{ a }}!"
                      "{% endmacro %}{{ f(x) }}",
                      kTricky),
            (Segments{{"  <|im_end|> 안녕\n", false}, {"!", true}}));
}

// --- failures ---

TEST(ChatTemplate, syntax_errors_name_line_and_column) {
  const auto result = ChatTemplate::parse("{% if true %}\n  {{ 1 + }}\n{% endif %}");
  ASSERT_FALSE(result);
  const Diagnostic& error = result.error().front();
  EXPECT_EQ(error.code, "T0401");
  EXPECT_EQ(error.span->line, 2);
  EXPECT_EQ(error.span->column, 10);
  EXPECT_EQ(error.span->text, "  {{ 1 + }}");
  EXPECT_EQ(error.message, "expected a value, found `}}`");
}

TEST(ChatTemplate, an_error_in_a_long_line_shows_its_surroundings) {
  const auto result =
      ChatTemplate::parse(std::string(5000, 'x') + "{{ 1 2 }}" + std::string(5000, 'y'));
  ASSERT_FALSE(result);
  EXPECT_LT(to_text(result.error()).size(), 400U);
  EXPECT_THAT(to_text(result.error()), HasSubstr("line 1, column 5006: …"));
}

TEST(ChatTemplate, whatever_is_not_well_formed_is_a_syntax_error) {
  for (const std::string_view source : {"{{ 1",
                                        "{{ 'a }}",
                                        "{% if true %}",
                                        "{% endif %}",
                                        "{% for x in [1] %}{% endif %}",
                                        "{% else %}",
                                        "{{ (1 }}",
                                        "{{ 1) }}",
                                        "{{ [1 }}",
                                        "{{ }}",
                                        "{{ 1 2 }}",
                                        "{% if %}{% endif %}",
                                        "{% break %}",
                                        "{{ a.1b }}",
                                        "{{ 12ab }}",
                                        "{{ ? }}",
                                        "{# never closed",
                                        "{% raw %} no end",
                                        "{{ '\\ud800' }}",
                                        "{{ 99999999999999999999 }}",
                                        "{% set loop = 1 %}",
                                        "{% set 1 = 1 %}",
                                        "{% set x %}",
                                        "{% macro f( %}{% endmacro %}",
                                        "{{ f(a=1, 2) }}",
                                        "{% if 1 %}{% else %}{% elif 1 %}{% endif %}",
                                        "{{ x | }}",
                                        "{{ x is }}",
                                        "{{ x. }}",
                                        "{{ x[ }}",
                                        "{{ not }}"}) {
    EXPECT_EQ(code(source), "T0401") << source;
  }
}

TEST(ChatTemplate, what_is_not_in_the_subset_is_said_so) {
  for (const std::string_view source :
       {"{% include 'x' %}", "{% extends 'x' %}", "{% call f() %}{% endcall %}",
        "{{ 'a'|nofilter }}", "{{ 'a' is notest }}", "{{ 'a'.nomethod() }}", "{{ nofunction() }}",
        "{{ 2 ** 3 }}", "{{ '%s' % 1 }}", "{{ [1].append(2) }}", "{{ strftime_now('%Q') }}"}) {
    EXPECT_EQ(code(source), "T0402") << source;
  }
  // What is never reached does no harm.
  EXPECT_EQ(rendered("{% if tools %}{{ tools|nofilter }}{% endif %}ok"), "ok");
}

TEST(ChatTemplate, wrong_types_and_values_are_run_time_errors) {
  for (const std::string_view source : {"{{ 1 + 'a' }}",
                                        "{{ missing.x }}",
                                        "{{ none.x.y }}",
                                        "{{ 7 // 0 }}",
                                        "{{ 7 % 0 }}",
                                        "{{ 1 / 0 }}",
                                        "{{ 1 < 'a' }}",
                                        "{% for x in 5 %}{% endfor %}",
                                        "{{ 'a'|map('x', y) }}",
                                        "{{ 9223372036854775807 + 1 }}",
                                        "{{ 4611686018427387904 * 2 }}",
                                        "{{ -9223372036854775807 - 2 }}",
                                        "{% set x.y = 1 %}",
                                        "{% set a, b = [1] %}",
                                        "{{ 'a'[::0] }}",
                                        "{{ range(1, 2, 0) }}",
                                        "{{ 1() }}",
                                        "{{ [namespace()] }}",
                                        "{% set n = namespace() %}{% set n.n = n %}",
                                        "{{ 'a'.split('') }}",
                                        "{{ 'a'|replace('a') }}",
                                        "{{ 'a'.strip(1, 2) }}",
                                        "{{ 'a'|trim(nothing=1) }}",
                                        "{{ [1, 'a']|sort }}",
                                        "{{ range|tojson }}"}) {
    const std::string found = code(source);
    EXPECT_TRUE(found == "T0403" || source.find("map") != std::string_view::npos)
        << source << ": " << found;
  }
}

TEST(ChatTemplate, a_template_may_refuse_a_conversation) {
  const auto result = segments("{{ raise_exception('roles must alternate\x1b[31m') }}");
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().front().code, "T0404");
  EXPECT_THAT(to_text(result.error()), HasSubstr("roles must alternate\\x1b"));
}

TEST(ChatTemplate, no_template_runs_or_grows_without_end) {
  for (const std::string_view source : {
           "{% for i in range(1000000000000) %}{% endfor %}",
           "{% for a in range(3000) %}{% for b in range(3000) %}{{ a * b }}{% endfor %}{% endfor "
           "%}",
           "{{ 'x' * 9223372036854775807 }}",
           "{% set n = namespace(s='xxxxxxxx') %}{% for i in range(64) %}{% set n.s = n.s + n.s %}"
           "{% endfor %}{{ n.s }}",
           "{% set n = namespace(s='x') %}{% for i in range(64) %}{% set n.s = n.s.replace('x', "
           "'xx') %}"
           "{% endfor %}",
           "{% set n = namespace(s=['x']) %}{% for i in range(60) %}{% set n.s = [n.s, n.s] %}{% "
           "endfor %}"
           "{{ n.s }}",
           "{% set n = namespace(s=['x']) %}{% for i in range(60) %}{% set n.s = [n.s, n.s] %}{% "
           "endfor %}"
           "{{ n.s == n.s }}",
           "{% set n = namespace(s=[]) %}{% for i in range(100000) %}{% set n.s = n.s + [i] %}{% "
           "endfor %}",
           "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
           "{{ ['a']|tojson(indent=999999999999) ~ 'x' * 999999999 }}",
           "{{ range(9999999)|list|tojson(indent=16) }}",
       }) {
    EXPECT_EQ(code(source), "T0405") << source;
  }
  EXPECT_EQ(code("{% set n = namespace(s=[]) %}{% for i in range(100) %}{% set n.s = [n.s] %}{% "
                 "endfor %}"),
            "T0403");
}

TEST(ChatTemplate, nesting_is_bounded) {
  const auto repeated = [](std::string_view part) {
    std::string text;
    for (int i = 0; i < 5000; ++i) {
      text += part;
    }
    return text;
  };
  EXPECT_EQ(code("{{ " + repeated("(") + "1" + repeated(")") + " }}"), "T0405");
  EXPECT_EQ(code("{{ " + repeated("[") + repeated("]") + " }}"), "T0405");
  EXPECT_EQ(code("{{ " + repeated("{1:") + "1" + repeated("}") + " }}"), "T0405");
  for (const std::string_view part :
       {"not ", "- ", "1 + ", "1 ~ ", "1 and ", "1 if 1 else ", "1 if 1 if "}) {
    EXPECT_EQ(code("{{ " + repeated(part) + "1 }}"), "T0405") << part;
  }
  for (const std::string_view part : {".x", "[0]", "|e", "()", " is defined"}) {
    EXPECT_EQ(code("{{ x" + repeated(part) + " }}"), "T0405") << part;
  }
  EXPECT_EQ(code(repeated("{% if x %}")), "T0405");
  EXPECT_EQ(code("{{ 'x'|map(" + repeated("'map', ") + "'list')|list }}"), "T0405");
  // A long chain of branches is no nesting.
  EXPECT_EQ(rendered("{% if 0 %}" + repeated("{% elif 0 %}") + "{% else %}x{% endif %}"), "x");
}

TEST(ChatTemplate, an_overlong_template_is_refused) {
  EXPECT_EQ(code(std::string(2'000'000, 'x')), "T0406");
}

TEST(ChatTemplate, the_budget_grows_with_the_conversation) {
  const std::string megabyte(1'000'000, 'x');
  std::vector<ChatMessage> messages;
  messages.reserve(7);
  for (int i = 0; i < 7; ++i) {
    messages.push_back({i % 2 == 0 ? "user" : "assistant", megabyte});
  }
  const auto result = segments(kFamilies[3].source, messages);
  ASSERT_TRUE(result) << text(result).substr(0, 500);
  EXPECT_GT(text(result).size(), 7'000'000U);
}

TEST(ChatTemplate, bytes_that_are_not_utf8_pass_through) {
  const std::string bytes =
      "a\xff\xc3"
      "b\x80";
  EXPECT_EQ(rendered("{{ messages[0].content | trim | upper }}", {{"user", bytes}}),
            "A\xff\xc3"
            "B\x80");
  EXPECT_EQ(rendered("{{ messages[0].content | length }}", {{"user", bytes}}), "5");
}

TEST(ChatTemplate, the_date_is_a_given_one) {
  const auto parsed = ChatTemplate::parse("{{ strftime_now('%a %d %b %Y') }}");
  ASSERT_TRUE(parsed);
  EXPECT_EQ(text(parsed->render(kQuestion, {})), "Fri 26 Jul 2024");
  EXPECT_EQ(text(parsed->render(kQuestion, {.today = {.year = 2026, .month = 2, .day = 3}})),
            "Tue 03 Feb 2026");
}

}  // namespace
}  // namespace churon::model
