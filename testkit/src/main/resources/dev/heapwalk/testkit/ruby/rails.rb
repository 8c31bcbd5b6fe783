# SPDX-License-Identifier: Apache-2.0
# A Rails application under Puma with five threads, which answers as many requests as the first argument says (300), and
# then one with each thread at the same time, before it waits for commands. What a thread has of its last request is so
# the same whichever thread answered which before.
#
#   get PATH    lets it answer one more, and prints what it answers

require_relative "target"

# Debian's gems, of whatever version: there is no Gemfile.
$VERBOSE = nil
ENV["RAILS_ENV"] = "production"
require "logger"
require "rails"
require "action_controller/railtie"
require "action_view/railtie"
require "puma"
require "puma/server"
require "socket"
require "tmpdir"

class Shop < Rails::Application
  config.root = __dir__
  config.eager_load = true
  config.secret_key_base = "0" * 64
  config.logger = Logger.new(File::NULL)
  config.hosts.clear if config.respond_to?(:hosts)
  config.consider_all_requests_local = true
end

class Item
  attr_reader :number, :name
  def initialize(number)
    @number = number
    @name = "Item number #{number}"
  end
end

# Where all threads wait for one another.
class Meeting
  def initialize(count)
    @count = count
    @waiting = 0
    @lock = Mutex.new
    @all = ConditionVariable.new
  end

  def wait
    @lock.synchronize do
      @waiting += 1
      @waiting == @count ? @all.broadcast : @all.wait(@lock)
    end
  end
end

class ItemsController < ActionController::Base
  ITEMS = {}
  def show
    number = Integer(params[:id])
    item = ITEMS[number] ||= Item.new(number)
    render inline: "<h1><%= name %></h1>", locals: { name: item.name }
  end

  def meet
    MEETING.wait
    show
  end

  def index
    render json: ITEMS.values.map { |item| { number: item.number, name: item.name } }
  end
end

Shop.initialize!
Shop.routes.draw { resources :items, only: %i[index show] do get :meet, on: :member end }

THREADS = 5
MEETING = Meeting.new(THREADS)
SOCKET = File.join(__dir__, "puma")
server =
  if Puma::Const::PUMA_VERSION.to_i < 6
    events = Puma::Events.new(File.open(File::NULL, "w"), File.open(File::NULL, "w"))
    Puma::Server.new(Shop, events, min_threads: THREADS, max_threads: THREADS)
  else
    Puma::Server.new(Shop, nil, min_threads: THREADS, max_threads: THREADS, log_writer: Puma::LogWriter.null)
  end
if server.respond_to?(:min_threads=)
  server.min_threads = THREADS
  server.max_threads = THREADS
end
server.add_unix_listener(SOCKET)
server.run

def get(path)
  UNIXSocket.open(SOCKET) do |socket|
    socket.write("GET #{path} HTTP/1.0\r\nHost: localhost\r\n\r\n")
    socket.read
  end
end

Integer(ARGV.fetch(0, "300")).times { |number| get("/items/#{number % 200}") }
get("/items")
Array.new(THREADS) { |number| Thread.new { get("/items/#{number}/meet") } }.each(&:join)

Target.command("get") { |path| puts get(path).b.gsub(/\r?\n/, " ") }
Target.serve
