# SPDX-License-Identifier: Apache-2.0
# Much of the standard library, and as many objects as the first argument says (300000), of the kinds that programs have
# most of.
#
#   missing    prints the libraries that this Ruby does not have

require_relative "target"

$VERBOSE = nil
MISSING = []
%w[abbrev base64 benchmark bigdecimal bigdecimal/util bundler cgi coverage csv date delegate did_you_mean digest digest/sha2 drb English erb etc expect
   fcntl fiddle fileutils find forwardable getoptlong io/console io/nonblock io/wait ipaddr irb json logger matrix minitest monitor mutex_m net/http net/ftp net/imap
   net/smtp nkf objspace observer open-uri open3 openssl optparse ostruct pathname power_assert pp prettyprint prime pstore psych pty racc rdoc readline
   reline resolv resolv-replace rexml/document rinda/tuplespace ripper rss securerandom set shellwords singleton socket stringio strscan syslog tempfile test/unit
   time timeout tmpdir tracer tsort un uri weakref webrick yaml zlib].each do |library|
  # These would act when loaded, or at the end.
  next if %w[un test/unit tracer resolv-replace coverage].include?(library)
  require library
rescue LoadError
  MISSING << library
end

COUNT = Integer(ARGV.fetch(0, "300000"))

module Shop
  Price = Struct.new(:amount, :currency)
  class Item
    attr_reader :name, :price, :tags
    def initialize(number)
      @number = number
      @name = "Item number #{number}"
      @price = Price.new(number * 1.25, %w[EUR USD JPY][number % 3])
      @tags = number % 5 == 0 ? ["tag #{number % 100}", :common] : nil
    end
  end
  class Special < Item
    def initialize(number)
      super
      @reason = "größer als #{number}" * (number % 9)
      @attributes = { number: number, "text" => number.to_s, list: [number, number + 1] }
      @more = @even = @still = number if number % 7 == 0
    end
  end
end

# An item is some five objects.
OBJECTS = []
INDEX = {}
number = 0
made = 0
while made < COUNT
  number += 1
  item = number % 3 == 0 ? Shop::Special.new(number) : Shop::Item.new(number)
  OBJECTS << item
  INDEX[item.name] = item
  OBJECTS << { id: number, item: item, at: Time.at(number), ratio: number / 7r } if number % 10 == 0
  OBJECTS << (2**70 + number) << -> { item } << number.to_s.to_sym << (number..number + 5) << /item #{number % 50}/ if number % 50 == 0
  made += 5
end
# What was freed leaves holes.
(0...OBJECTS.size).step(4) { |i| OBJECTS[i] = nil }
INDEX.delete_if { |name, item| name.end_with?("7") }
item = number = nil

Target.command("missing") { puts MISSING }
Target.serve
